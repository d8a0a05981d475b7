"""A Linux kernel as the implementation under test: booted in QEMU, called through a small agent, held to the rules."""
