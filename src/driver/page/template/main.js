/* Puts the page together. */
document.getElementById('content').replaceChildren(...[MANY ? compareSection() : null, previewsSection(),
    findingsSection(), notesSection(), curvesSection(), eventsSection(), setsSection(), configSection(),
    machinesSection()].filter(Boolean));
header();
document.getElementById('foot').append(el('p', {},
    `Written by Bifrons ${DATA.version}, ${
        DATA.made}. This page holds pictures of the people above: keep it as you keep those.`));
redrawAll();
addEventListener('toggle', redrawAll, true); /* details that were closed had no width */
let drawnWidth = innerWidth;
addEventListener('resize', () => {
    if (innerWidth !== drawnWidth) {
        drawnWidth = innerWidth;
        redrawAll();
    }
});
