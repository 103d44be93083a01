/*
 * A cluster to plan for, read from a TOML file: the number of devices, and how fast they compute,
 * move memory and communicate. configs/clusters/ has examples; docs/plan.md explains each key and
 * how to measure it. Rates are of one device alone: a GPU, or the cores of one CPU rank.
 *
 * The names of the file's keys have the units (1 GB is 10^9 bytes). In the struct the units are
 * bytes, seconds, and floating-point operations per second.
 */
#ifndef BIFRONS_DRIVER_PLAN_CLUSTER_H
#define BIFRONS_DRIVER_PLAN_CLUSTER_H

#include "base/status.h"

enum { CLUSTER_NAME_BYTES = 128, CLUSTER_NODES_MAX = 1 << 16, CLUSTER_DEVICES_MAX = 1024 };

/* Hockney's model of a link: n bytes take latency_s + n / bytes_per_s. */
struct cluster_link {
    double bytes_per_s, latency_s;
};

/* Arithmetic of one precision: fraction * peak is reached in convolutions. */
struct cluster_arithmetic {
    double peak_flops_per_s, fraction;
};

struct cluster {
    char name[CLUSTER_NAME_BYTES];
    bool gpu; /* state and activations are in each device's own memory, else in the node's */
    struct {
        double devices; /* of a node; one rank each */
        double count;   /* number of nodes */
        double memory_bytes;
    } node;
    struct {
        double memory_bytes, reserved_bytes; /* reserved: by libraries */
        struct cluster_arithmetic fp32, bf16;
        double channel_tile; /* channels computed at once: 3 channels cost as much as a tile */
        double memory_bytes_per_s, memory_fraction; /* the peak, and the reached share of it */
        double kernel_s;                            /* least time of an operation on the device */
        double launch_s;                            /* the host's time to issue one */
        double step_s;             /* the host's time for a step, besides its operations */
        double upload_bytes_per_s; /* from host to device; 0: nothing is copied */
        double data_bytes_per_s;   /* of stored pictures that a rank reads and prepares */
    } device;
    struct cluster_link within, between; /* between devices of a node; between nodes */
    double overlap; /* share of the communication during backward that does not slow it down */
};

/*
 * ST_NOINPUT; ST_CONFIG with file:line:column, the key and what it takes, or the key that is
 * missing. *out is set on success only.
 */
enum status cluster_read(const char *path, struct cluster *out, struct errmsg *em) MUST_CHECK;

#endif
