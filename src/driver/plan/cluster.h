/*
 * A machine to plan for, read from a TOML file: how many devices, how fast they compute, move
 * memory and talk to each other. configs/clusters/ has examples; docs/plan.md explains each key and
 * how to measure it. Rates are those of one device alone: a GPU, or the cores of one CPU rank.
 *
 * Units in the file are those in its keys' names (1 GB is 10^9 bytes); in the struct they are
 * bytes, seconds, and floating-point operations a second.
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
        double devices; /* of a node, a rank each */
        double count;   /* nodes there are */
        double memory_bytes;
    } node;
    struct {
        double memory_bytes, reserved_bytes; /* reserved: what libraries take for themselves */
        struct cluster_arithmetic fp32, bf16;
        double channel_tile; /* arithmetic works on so many channels at once: 3 cost as many */
        double memory_bytes_per_s, memory_fraction; /* the peak, and what is reached of it */
        double kernel_s;                            /* least time of an operation on the device */
        double launch_s;                            /* the host's time to issue one */
        double step_s;             /* the host's time for a step, beside its operations */
        double upload_bytes_per_s; /* from host to device; 0: nothing is copied */
        double data_bytes_per_s;   /* of stored pictures that a rank reads and prepares */
    } device;
    struct cluster_link within, between; /* from device to device in a node; from node to node */
    double overlap; /* share of the communication behind backward that slows nothing down */
};

/*
 * ST_NOINPUT; ST_CONFIG with file:line:column, the key and what it takes, or the key that is
 * missing. *out is set on success only.
 */
enum status cluster_read(const char *path, struct cluster *out, struct errmsg *em) MUST_CHECK;

#endif
