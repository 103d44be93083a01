/* The previews: the newest large, a slider through all of them, a zoom. */
const PREVIEWS = {
    __proto__: null,
    grid: 'original, reconstruction and swap of one picture of each person',
    swaps: 'pictures of both people, with their swaps below them'
};

class Previews {
    constructor(run) {
        this.run = run;
        this.steps = [...new Set(run.data.previews.flatMap(g => g.pictures.map(p => p.step)))].sort((a, b) => a - b);
        this.views = run.data.previews.filter(g => g.pictures.length).map(g => {
            const image = el('img', {draggable: 'false'});
            const caption = el('figcaption', {});
            const frame = el('div',
                {class: 'frame', tabindex: 0, role: 'group', 'aria-label': `${g.name}, scrolls when enlarged`}, image);
            return {group: g, image, caption, element: el('figure', {}, frame, caption)};
        });
    }

    show(step) {
        for (const v of this.views) {
            const p = v.group.pictures.reduce(
                (best, q) => !best || Math.abs(q.step - step) < Math.abs(best.step - step) ? q : best, null);
            const row = this.run.row('val', p.step), loss = this.run.column('val', 'loss.total')[row];
            v.image.src = p.uri;
            v.image.alt =
                `Step ${p.step}: ${PREVIEWS[v.group.name] || v.group.name}, of ${this.run.people.join(' and ')}.` +
                (isNumber(loss) ? ` Validation loss ${shown(loss)}.` : '');
            v.caption.textContent = `Step ${p.step}: ${PREVIEWS[v.group.name] || v.group.name}` +
                (v.group.all > v.group.pictures.length
                        ? ` (${v.group.pictures.length} of ${v.group.all} previews are in this page)`
                        : '');
        }
    }

    zoom(percent) {
        for (const v of this.views) v.image.style.width = `${percent}%`;
    }
}

function previewsSection() {
    const all = RUNS.map(r => new Previews(r)), steps = [...new Set(all.flatMap(p => p.steps))].sort((a, b) => a - b);
    if (!steps.length)
        return el('section', {id: 'previews'}, el('h2', {}, 'Previews'),
            el('p', {class: 'muted'}, 'There are no previews. log.preview_epochs sets how often they are drawn.'));
    const last = steps.length - 1, label = el('output', {id: 'shown', class: 'small'});
    const slider = el('input', {
        type: 'range',
        id: 'slider',
        min: 0,
        max: last,
        value: last,
        'aria-label': 'preview, from the first to the newest',
        oninput: () => go(+slider.value)
    });
    const play =
        el('button', {type: 'button', 'aria-pressed': 'false', onclick: () => timer ? stop() : start()}, 'Play');
    const zoom = el('input', {
        type: 'range',
        id: 'zoom',
        min: 100,
        max: 400,
        step: 25,
        value: 100,
        oninput: e => all.forEach(p => p.zoom(+e.target.value))
    });
    let timer = null;
    function go(i) {
        slider.value = i;
        slider.setAttribute('aria-valuetext', `step ${steps[i]}`);
        label.textContent = `step ${steps[i]}`;
        all.forEach(p => p.show(steps[i]));
    }
    function stop() {
        clearInterval(timer);
        timer = null;
        play.textContent = 'Play';
        play.setAttribute('aria-pressed', 'false');
    }
    function start() {
        if (+slider.value >= last) go(0);
        timer = setInterval(() => +slider.value < last ? go(+slider.value + 1) : stop(), 220);
        play.textContent = 'Pause';
        play.setAttribute('aria-pressed', 'true');
    }
    go(last);
    return el('section', {id: 'previews'}, el('h2', {}, 'Previews'),
        el('div', {class: 'time'}, last > 0 ? play : null, slider, label),
        el('div', {class: 'controls'}, el('label', {}, 'Zoom', zoom)),
        all.map(
            p => [MANY ? el('h3', {}, p.run.name) : null, el('div', {class: 'views'}, p.views.map(v => v.element))]),
        el('p', {class: 'small muted'},
            'Reconstructions and swaps are made by a trained decoder; the pictures carry the mark “AI”.'));
}
