/* The mark of where a picture or video comes from, as files of every format hold it. */
#ifndef BIFRONS_DATA_MARK_H
#define BIFRONS_DATA_MARK_H

#include "data/picture.h"

/* Writes the mark as XMP, without a terminating zero; returns the number of bytes. */
enum { MARK_XMP_BYTES = 2048 };
size_t mark_xmp(const struct picture_mark *mark, char out[static MARK_XMP_BYTES]);
/* The IPTC DigitalSourceType: "compositeWithTrainedAlgorithmicMedia". */
const char *mark_source_name(const struct picture_mark *mark);

#endif
