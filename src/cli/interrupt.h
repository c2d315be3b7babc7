/* Ending on SIGINT and SIGTERM when what was done is safe. */
#ifndef CLIPCLS_CLI_INTERRUPT_H
#define CLIPCLS_CLI_INTERRUPT_H

#include <stdbool.h>

/* From here on the first such signal only asks to end; a second one ends the process at once. */
void interrupt_catch(void);
bool interrupt_asked(void);
/* Ends the process by the signal that asked, if one has. */
void interrupt_end(void);

#endif
