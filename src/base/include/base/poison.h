/*
 * Forbids functions for which the project has a better one. Include last, in C sources only. Only
 * the driver calls exit, abort and printf (a reviewer checks that).
 */
#ifndef BIFRONS_BASE_POISON_H
#define BIFRONS_BASE_POISON_H

#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atof gets system rand srand

#endif
