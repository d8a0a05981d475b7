"""Who may hold a VFIO device, through what, and until when."""
