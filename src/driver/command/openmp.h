/*
 * Sets the environment of OpenMP. Its runtime reads it when the engine is loaded, so bifrons sets
 * it before.
 *
 * libgomp's threads wait for each other by spinning for milliseconds. If other processes need the
 * cores, the spinning keeps a core from the thread that is waited for, and steps take many times as
 * long. On an idle machine a short spin costs nothing measurable (bench/threads).
 */
#ifndef BIFRONS_DRIVER_OPENMP_H
#define BIFRONS_DRIVER_OPENMP_H

/*
 * Sets GOMP_SPINCOUNT, unless the environment has it or OMP_WAIT_POLICY. Removes an OMP_NUM_THREADS
 * that is not a number of threads; rank 0 warns.
 */
void openmp_settle(void);

#endif
