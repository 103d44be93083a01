/* The data of the page, and small helpers. Every text from a run goes through `el`, which makes text
 * nodes and never HTML. Tables that are searched for such a text have no prototype: "constructor" is not in them. */
const DATA = JSON.parse(document.getElementById('data').textContent);

/* An element with attributes (on…: listeners) and children: elements, texts, arrays of them. */
function el(name, attributes, ...children) {
    const svg = ['svg', 'path', 'line', 'circle', 'text', 'g', 'rect', 'title'].includes(name);
    const e = svg ? document.createElementNS('http://www.w3.org/2000/svg', name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {}))
        if (key.startsWith('on'))
            e.addEventListener(key.slice(2), value);
        else if (value !== null && value !== undefined && value !== false)
            e.setAttribute(key, value === true ? '' : value);
    e.append(...children.flat(9).filter(c => c !== null && c !== undefined && c !== ''));
    return e;
}

const isNumber = x => typeof x === 'number' && isFinite(x);
const digits = new Intl.NumberFormat('en', {maximumFractionDigits: 0});

/* A number as people read it: four significant digits, exponents only where zeros would be many. */
function shown(x) {
    if (!isNumber(x)) return 'not a number';
    const size = Math.abs(x);
    if (x === 0 || (size >= 1000 && size < 1e9)) return digits.format(x);
    if (size < 1e-3 || size >= 1e9) return x.toExponential(2).replace(/\.?0*e\+?/, 'e');
    return String(+x.toPrecision(4));
}

function duration(s) {
    if (!isNumber(s)) return 'unknown';
    if (s < 60) return `${s < 10 ? s.toFixed(1) : Math.round(s)} s`;
    const minutes = Math.round(s / 60);
    return minutes < 60 ? `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`
                        : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const unit = (x, steps) => { /* 1.5e9 -> "1.5 G" */
    const names = ['', 'k', 'M', 'G', 'T', 'P'];
    let i = 0;
    while (Math.abs(x) >= 1000 && i < names.length - 1) {
        x /= 1000;
        i++;
    }
    return `${+ x.toPrecision(3)} ${names[i]}${steps || ''}`;
};

const plural = (n, noun) => `${digits.format(n)} ${noun}${n === 1 ? '' : 's'}`;

function median(values) {
    const sorted = values.filter(isNumber).sort((a, b) => a - b);
    return sorted.length ? sorted[Math.floor(sorted.length / 2)] : NaN;
}

const EVENTS = {
    __proto__: null,
    /* what happened: [words, level, symbol] */
    start: ['started', 'info', '▶'],
    resume: ['resumed', 'info', '▶'],
    changed: ['keys changed', 'warn', '✎'],
    stage: ['stage began', 'info', '▤'],
    checkpoint: ['checkpoint', 'info', '◆'],
    best: ['best checkpoint', 'good', '★'],
    unsaved: ['checkpoint not saved', 'bad', '✕'],
    skipped: ['step skipped', 'warn', '▲'],
    back: ['went back', 'bad', '◀'],
    collapsed: ['decoder collapsed', 'bad', '▼'],
    stopped: ['stopped', 'info', '■'],
    failed: ['failed', 'bad', '✕'],
    finished: ['finished', 'good', '✔'],
};
const eventWords = kind => (EVENTS[kind] || [kind, 'info', '●'])[0];

/* A run of the page. */
class Run {
    constructor(data, index) {
        Object.assign(this, {data, index, record: data.record || {}, metrics: data.metrics || {}});
        const folder = data.folder.replace(/\/+$/, '').split('/').pop() || data.folder;
        this.keys = new Map((data.config || []).map(k => [k.key, k]));
        this.name = folder;
        const people = this.record.people || [];
        this.people = [0, 1].map(i => (people[i] && people[i].person) || 'AB'[i]);
        this.events = data.events.length ? data.events : this.oldEvents();
    }

    key(name) { /* the value of a configuration key; undefined: not known */
        const k = this.keys.get(name);
        if (!k) return undefined;
        try {
            return JSON.parse(k.value);
        } catch { return k.value; }
    }

    column(kind, name) { return (this.metrics[kind] && this.metrics[kind].columns[name]) || []; }
    steps(kind) { return this.column(kind, 'step'); }

    points(kind, name) { /* [[step, value], …] without gaps */
        const steps = this.steps(kind), values = this.column(kind, name);
        return steps.map((s, i) => [s, values[i]]).filter(p => isNumber(p[0]) && isNumber(p[1]));
    }

    last(kind, name) {
        const p = this.points(kind, name);
        return p.length ? p[p.length - 1][1] : NaN;
    }

    /* The row nearest to a step. */
    row(kind, step) {
        const steps = this.steps(kind);
        let best = -1;
        steps.forEach((s, i) => {
            if (best < 0 || Math.abs(s - step) < Math.abs(steps[best] - step)) best = i;
        });
        return best;
    }

    /* How the run ended: the name of a status; '': it has not. */
    get exit() { return String(this.record.exit || '').toLowerCase(); }

    get lastStep() {
        return Math.max(0, ...Object.keys(this.metrics).flatMap(k => this.steps(k).filter(isNumber).slice(-1)));
    }

    /* A run of a program without events.jsonl. */
    oldEvents() {
        const list = (this.record.resumes || [
        ]).map(r => ({event: 'resume', step: r.from_step, at: r.started, text: `on ${plural(r.world_size, 'rank')}`}));
        for (const [step, skipped] of this.points('train', 'skipped'))
            if (skipped) list.push({event: 'skipped', step, text: ''});
        if (this.record.ended && isNumber(this.record.step))
            list.push({
                event: this.exit === 'ok' ? 'finished' : 'stopped',
                step: this.record.step,
                at: this.record.ended,
                text: this.record.message || ''
            });
        return list.sort((a, b) => a.step - b.step);
    }

    /* Seconds trained at a step, between the rows around it. */
    timeAt(step) {
        const kind = this.steps('train').length ? 'train' : 'val';
        const points = this.points(kind, 'time');
        let before = [0, 0];
        for (const p of points) {
            if (p[0] >= step)
                return p[0] > before[0] ? before[1] + (p[1] - before[1]) * (step - before[0]) / (p[0] - before[0])
                                        : p[1];
            before = p;
        }
        return before[1];
    }
}

const RUNS = DATA.runs.map((r, i) => new Run(r, i));
const MANY = RUNS.length > 1;
if (new Set(RUNS.map(r => r.name)).size < RUNS.length)
    RUNS.forEach(r => {
        r.name = r.data.folder;
    });
