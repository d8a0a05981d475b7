/* The least that a subject behind a pipe can do: for each line that comes, the line that it was given. */
#include <stdio.h>

enum { LONGEST = 1 << 16 };

int main(int count, char **words)
{
    static char line[LONGEST];
    if (count != 2)
        return 2;
    while (fgets(line, sizeof line, stdin)) {
        if (puts(words[1]) < 0 || fflush(stdout))
            return 1;
    }
    return 0;
}
