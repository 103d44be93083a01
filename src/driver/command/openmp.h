/*
 * OpenMP's environment, which its runtime reads when the engine is loaded: bifrons settles it
 * before it becomes the engine.
 *
 * libgomp's threads wait for each other by spinning for milliseconds. Where other processes want
 * the cores that keeps them from the thread that is waited for, and steps take many times as long.
 * A short spin costs an idle machine nothing that can be measured (bench/threads).
 */
#ifndef BIFRONS_DRIVER_OPENMP_H
#define BIFRONS_DRIVER_OPENMP_H

/*
 * Sets GOMP_SPINCOUNT unless the environment says how to wait, by it or by OMP_WAIT_POLICY. Takes
 * an OMP_NUM_THREADS that is no number of threads out of the environment; rank 0 says so.
 */
void openmp_settle(void);

#endif
