#ifndef BIFRONS_BASE_VERSION_H
#define BIFRONS_BASE_VERSION_H

#define BIFRONS_VERSION "0.1.0" /* as in CMakeLists.txt */

#endif
