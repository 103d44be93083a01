/*
 * Calls that have a better replacement here do not compile. Include last, in C sources only.
 * exit, abort and printf are the driver's.
 */
#ifndef BIFRONS_BASE_POISON_H
#define BIFRONS_BASE_POISON_H

#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atof gets system rand srand

#endif
