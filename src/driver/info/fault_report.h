/*
 * Prints what to send with the report of a fault: plain text that may be published. It has no names
 * of people, no paths, no hosts, and no texts that may hold them (consent statements, messages). It
 * prints only what is known to be harmless: numbers, versions, and words that the program chooses.
 *
 *     fault_report_machine();
 *     enum status st = fault_report_run("runs/x", &em); // if the fault is in a run
 */
#ifndef BIFRONS_DRIVER_FAULT_REPORT_H
#define BIFRONS_DRIVER_FAULT_REPORT_H

#include "base/status.h"

/* Prints the system, processor and memory. */
void fault_report_machine(void);
/*
 * Prints what is known of a run: how it ended, its configuration, its last events and metrics.
 * Files that are missing or damaged are named. ST_NOINPUT: no such folder; ST_DATA: not a run
 * folder; ST_MEMORY.
 */
enum status fault_report_run(const char *folder, struct errmsg *em) MUST_CHECK;

#endif
