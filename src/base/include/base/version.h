#ifndef BIFRONS_BASE_VERSION_H
#define BIFRONS_BASE_VERSION_H

#define BIFRONS_VERSION "0.2.0" /* as in CMakeLists.txt, CITATION.cff and CHANGELOG.md */

#endif
