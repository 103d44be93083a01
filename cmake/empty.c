typedef int bifrons_empty; /* a module without sources yet */
