/* The two tasks of bifrons-video; its first argument selects one (video_wire.h). Both return after
 * the last message. */
#ifndef BIFRONS_VIDEO_PROGRAMS_H
#define BIFRONS_VIDEO_PROGRAMS_H

void program_read(char **arguments);  /* PATH FROM TO EVERY FPS */
void program_write(char **arguments); /* TEMPORARY FORMAT SOUND */

#endif
