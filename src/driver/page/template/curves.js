/* Which curves belong into which chart. Keys that this program does not know are drawn, too. */
const COUNTERS = new Set(['step', 'epoch', 'position', 'time', 'stage', 'skipped', 'nonfinite']);
const GROUPS = [
    'Losses', 'Held-out pictures', 'How swaps follow their source pictures (correlation)',
    'What face networks see of the swaps in previews', 'Optimizer', 'Speed', 'Other'
];
const NOTES = {
    __proto__: null,
    [GROUPS[2]]:
        '1: follows exactly; 0: not at all. The name is that of the source picture. “Reader”: how well real pictures can be measured, the best to be reached.',
    [GROUPS[3]]:
        'The name is that of the source picture. Mouth to gaze: errors in deviations of the person; 0 is perfect, 1.1 is what two unrelated pictures give. A preview has few pictures: compare the course of curves, not single points.',
};
const TITLES = {
    __proto__: null,
    'loss.total': ['Losses', 'Total loss'],
    'loss.l1': ['Losses', 'L1'],
    'loss.dssim': ['Losses', 'DSSIM'],
    'lr': ['Optimizer', 'Learning rate'],
    'grad_norm': ['Optimizer', 'Gradient norm'],
    'images_per_s': ['Speed', 'Images a second'],
    'step_ms': ['Speed', 'Time of a step (ms)'],
    'data_wait_ms': ['Speed', 'Waits in a step (ms)'],
    'sum_wait_ms': ['Speed', 'Waits in a step (ms)'],
    'metrics.recon': ['Held-out pictures', 'Reconstruction'],
    'metrics.swap': ['Held-out pictures', 'Swap against the true swap'],
    'faces.found': [GROUPS[3], 'Share of swaps that show a face'],
    'faces.identity': [GROUPS[3], 'Identity (0: the person in the picture, 1: the other)'],
    'faces.pose': [GROUPS[3], 'Pose error (degrees)'],
    'metrics.redrawn': ['Held-out pictures', 'True swap, redrawn'],
};
const LABELS = {
    __proto__: null,
    data_wait_ms: 'for pictures',
    sum_wait_ms: 'for sums over ranks'
};
const MEASURES = {
    __proto__: null,
    l1: 'L1',
    psnr: 'PSNR (dB)',
    ssim: 'SSIM'
};
const colour = i => `var(--c${i % 7})`;

/* "loss.a.l1" -> {base "loss.l1", role 0}; "metrics.recon_l1_b" -> {base "metrics.recon_l1", role 1}; role 2: of both.
 */
function parsed(name) {
    const parts = name.split('.'),
          inside = parts.findIndex((p, i) => i > 0 && i < parts.length - 1 && (p === 'a' || p === 'b'));
    if (inside > 0) return {base: parts.filter((_, i) => i !== inside).join('.'), role: parts[inside] === 'a' ? 0 : 1};
    const end = /^(.*)_(a|b)$/.exec(name);
    return end ? {base: end[1], role: end[2] === 'a' ? 0 : 1} : {base: name, role: 2};
}

function placeOf(base) {
    if (TITLES[base]) return TITLES[base];
    const follow = /^metrics\.(follow|reader)(?:_(\w+))?$/.exec(base);
    if (follow) return [GROUPS[2], follow[2] ? follow[2].charAt(0).toUpperCase() + follow[2].slice(1) : 'All together'];
    const measure = /^(.*)_(l1|psnr|ssim)$/.exec(base);
    if (measure && TITLES[measure[1]])
        return [TITLES[measure[1]][0], `${TITLES[measure[1]][1]}: ${MEASURES[measure[2]]}`];
    const name = base.replace(/^(loss|metrics|faces)\./, '').replaceAll('_', ' '),
          words = name.charAt(0).toUpperCase() + name.slice(1);
    if (base.startsWith('loss.')) return ['Losses', words];
    if (base.startsWith('metrics.')) return ['Held-out pictures', words];
    if (base.startsWith('faces.')) return [GROUPS[3], words];
    return ['Other', words];
}

/* Person by colour, held-out by dashes; with several runs, run by colour and person by dashes. */
function seriesOf(run, kind, name, role) {
    const held = kind !== 'train', words = [], reader = name.startsWith('metrics.reader');
    if (MANY) words.push(run.name);
    if (role < 2) words.push(run.people[role]);
    if (LABELS[name]) words.push(LABELS[name]);
    if (reader) words.push(role < 2 ? '(reader)' : 'both (reader)');
    if (held && name.startsWith('loss.')) words.push(MANY ? '(held out)' : 'held out');
    return {
        label: words.join(' ') ||
            (held && name.startsWith('metrics.') ? 'both'
                    : kind === 'val'             ? 'held out'
                    : kind === 'train'           ? 'training'
                                                 : kind),
        run,
        noisy: kind === 'train' && name !== 'lr',
        points: run.points(kind, name),
        colour: colour(MANY              ? run.index
                : role < 2               ? role
                : name === 'sum_wait_ms' ? 3
                                         : 5),
        dash: reader ? 'dot'
            : MANY   ? ['solid', 'dash', held && name.startsWith('loss.') ? 'dot' : name === 'sum_wait_ms' ? 'dash' : 'solid'][role]
            : held && name.startsWith('loss.') ? 'dash'
                                               : 'solid',
    };
}

/* [[group, [charts]], …] */
function makeCharts() {
    const places = new Map();
    for (const run of RUNS)
        for (const kind of Object.keys(run.metrics))
            for (const name of Object.keys(run.metrics[kind].columns)) {
                if (COUNTERS.has(name)) continue;
                const {base, role} = parsed(name);
                const [group, title] = placeOf(base), series = seriesOf(run, kind, name, role);
                const mean = role < 2 && run.points(kind, base).length > 0;
                if (!series.points.length ||
                    (MANY && (mean || name.startsWith('metrics.reader') || (kind !== 'train' && base.startsWith('loss.') && role < 2))))
                    continue;
                const key = `${group} ${title}`;
                if (!places.has(key)) places.set(key, {group, title, series: []});
                places.get(key).series.push(series);
            }
    const order = p => GROUPS.indexOf(p.group);
    const sorted = [...places.values()].sort((a, b) => order(a) - order(b));
    return GROUPS.map(g => [g, sorted.filter(p => p.group === g).map(p => new Chart(p.title, p.series))])
        .filter(g => g[1].length);
}

function controls() {
    const inputs = [
        el('label', {}, 'Smoothing', el('input', {
            type: 'range',
            min: 0,
            max: 0.98,
            step: 0.02,
            value: View.smooth,
            id: 'smooth',
            oninput: e => {
                View.smooth = +e.target.value;
                redrawAll();
            }
        })),
        el('label', {}, el('input', {
            type: 'checkbox',
            id: 'log',
            onchange: e => {
                View.log = e.target.checked;
                redrawAll();
            }
        }),
            'Logarithmic'),
        el('label', {}, 'Against',
            el('select', {
                id: 'axis',
                onchange: e => {
                    View.axis = e.target.value;
                    redrawAll();
                }
            },
                el('option', {value: 'step'}, 'step'), el('option', {value: 'time'}, 'time trained'))),
        el('label', {}, 'What happened at step', el('input', {
            type: 'number',
            id: 'step',
            min: 0,
            oninput: e => setCursor(e.target.value === '' ? null : +e.target.value, e.target)
        })),
    ];
    View.listeners.push((step, from) => {
        if (from !== inputs[3].lastChild) inputs[3].lastChild.value = step ?? '';
    });
    return el('div', {class: 'controls'}, inputs);
}

/* What is known about the step under the cursor. */
function stepText(run, step) {
    const near = run.row('train', step), held = run.row('val', step), words = [];
    const value = (kind, row, name) => run.column(kind, name)[row];
    if (near >= 0) {
        words.push(`step ${value('train', near, 'step')}, epoch ${value('train', near, 'epoch')}, after ${
            duration(run.timeAt(step))}`);
        for (const [name, noun] of [['loss.total', 'loss'], ['lr', 'learning rate'], ['grad_norm', 'gradient norm']])
            if (isNumber(value('train', near, name))) words.push(`${noun} ${shown(value('train', near, name))}`);
        if (value('train', near, 'nonfinite')) words.push('a number of it was not finite');
    }
    if (held >= 0)
        words.push(`validation at step ${value('val', held, 'step')}: loss ${shown(value('val', held, 'loss.total'))}`);
    const reach = near > 0 ? Math.max(1, (run.steps('train')[near] - run.steps('train')[near - 1]) / 2) : 1;
    for (const e of run.events.filter(e => Math.abs(e.step - step) <= reach))
        words.push(`${eventWords(e.event)} at step ${e.step}${e.text && e.event !== 'changed' ? ` (${e.text})` : ''}`);
    return (MANY ? `${run.name}: ` : '') + (words.join('; ') || 'no row of this step');
}

/* Numbers that were measured once: a table in place of charts with a point each. */
function onceTable(charts) {
    const labels = [...new Set(charts.flatMap(c => c.series.map(s => s.label)))];
    return el('div', {style: 'grid-column:1/-1'},
        table(['', ...labels], charts.map(c => [c.title, ...labels.map(label => {
            const s = c.series.find(x => x.label === label);
            return s ? shown(s.points[0][1]) : '';
        })]),
            labels.map((_, i) => i + 1)),
        el('p', {class: 'small muted'}, `Measured once, at step ${charts[0].series[0].points[0][0]}.`));
}

const measuredOnce = charts => charts.length > 1 && charts.every(c => c.series.every(s => s.points.length === 1));

function curvesSection() {
    const groups = makeCharts(), output = el('output', {id: 'at', 'aria-live': 'polite'}),
          close = el('button', {type: 'button', 'aria-label': 'close', onclick: () => setCursor(null)}, '✕'),
          found = el('div', {class: 'found small', hidden: true}, output, close);
    View.listeners.push(step => {
        found.hidden = step === null;
        output.replaceChildren(...(step === null ? [] : RUNS.map(r => el('p', {}, stepText(r, step)))));
    });
    const means = RUNS.flatMap(r => Object.entries(r.metrics)).filter(([, t]) => t.each > 1).map(([kind,
        t]) => `${kind}: ${t.each}`);
    return el('section', {id: 'curves'}, el('h2', {}, 'Curves'),
        groups.length ? controls() : el('p', {class: 'muted'}, 'There are no metrics yet.'),
        el('p', {class: 'small muted'},
            MANY ? 'Colour: run. Dashes: the second person. Dots: held-out pictures.'
                 : 'Colour: person. Dashes: held-out pictures. Pale: before smoothing. Dotted lines: events. ',
            means.length ? `Each point is the mean of several rows (${means.join(', ')}).` : ''),
        el('div', {class: 'charts'},
            groups.map(
                ([name, charts]) => [el('div', {class: 'group'}, name),
                    NOTES[name] ? el('p', {class: 'small muted', style: 'grid-column:1/-1;margin:0'}, NOTES[name]) : null,
                    measuredOnce(charts) ? onceTable(charts) : charts.map(c => c.element)])),
        found);
}
