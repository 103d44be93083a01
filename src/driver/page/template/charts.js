/* A chart: curves in SVG with a cursor that all charts share. */
const View = {
    log: false,
    smooth: 0.6,
    axis: 'step',
    step: null,
    listeners: [],
    charts: []
};
const DASHES = {
    solid: null,
    dash: '6 4',
    dot: '2 3'
};

function setCursor(step, from) {
    View.step = step;
    View.charts.filter(c => c.svg.isConnected).forEach(c => c.showCursor());
    View.listeners.forEach(f => f(step, from));
}

/* Exponential moving average without the bias of its start (Kingma and Ba 2015, section 3). */
function smoothed(points, weight) {
    let sum = 0, scale = 0;
    return points.map(([x, y, step]) => {
        sum = weight * sum + (1 - weight) * y;
        scale = weight * scale + (1 - weight);
        return [x, sum / scale, step];
    });
}

function ticks(low, high, count) {
    const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= raw) || raw;
    const list = [];
    for (let t = Math.ceil(low / step) * step; t <= high + step * 1e-6; t += step)
        list.push(Math.abs(t) < step * 1e-6 ? 0 : t);
    return list;
}

function logTicks(low, high) {
    const list = [];
    for (let e = Math.floor(low); e <= Math.ceil(high); e++)
        for (const m of high - low > 3 ? [1] : [1, 2, 5]) {
            const t = e + Math.log10(m);
            if (t >= low && t <= high) list.push(t);
        }
    return list.length > 1 ? list : ticks(low, high, 3);
}

class Chart {
    /* series: [{label, run, points: [[step, value], …], colour, dash, noisy}] */
    constructor(title, series) {
        Object.assign(this, {title, series});
        this.legend = el('div', {class: 'legend'});
        this.svg = el('svg', {
            tabindex: 0,
            role: 'img',
            'aria-label': this.summary(),
            onpointermove: e => this.point(e),
            onclick: e => this.point(e), /* a tap; not where a finger scrolls the page */
            onkeydown: e => this.press(e)
        });
        this.element = el('div', {class: 'chart', 'data-title': title}, el('h3', {}, title), this.legend, this.svg);
        View.charts.push(this);
    }

    summary() {
        return `${this.title}. ` +
            this.series
                .map(s => {
                    const a = s.points[0], b = s.points[s.points.length - 1];
                    return `${s.label}: ${shown(a[1])} at step ${a[0]}, ${shown(b[1])} at step ${b[0]}`;
                })
                .join('; ') +
            '. Arrow keys move the cursor.';
    }

    xOf(series, step) { return View.axis === 'time' ? series.run.timeAt(step) / 60 : step; }

    prepare() {
        for (const s of this.series) {
            s.xy = s.points.map(([step, y]) => [this.xOf(s, step), y, step]);
            s.line = s.noisy && View.smooth > 0 ? smoothed(s.xy, View.smooth) : s.xy;
        }
        const y = v => View.log ? (v > 0 ? Math.log10(v) : NaN) : v;
        const all = this.series.flatMap(s => s.xy.map(p => [p[0], y(p[1])])).filter(p => isFinite(p[1]));
        this.y = y;
        this.x0 = 0;
        this.x1 = Math.max(1e-9, ...all.map(p => p[0]));
        let low = Math.min(...all.map(p => p[1])), high = Math.max(...all.map(p => p[1]));
        if (!all.length) [low, high] = [0, 1];
        if (!View.log && low > 0 && low < high / 2) low = 0;
        const room = (high - low) * 0.05 || Math.abs(high) * 0.1 || 1;
        this.y0 = low === 0 ? 0 : low - room;
        this.y1 = high + room;
    }

    draw() {
        const width = this.svg.clientWidth || 560, height = 210;
        this.box = {left: 52, right: width - 8, top: 6, bottom: height - 22, width, height};
        this.prepare();
        const b = this.box, parts = [];
        this.px = x => b.left + (x - this.x0) / (this.x1 - this.x0) * (b.right - b.left);
        this.py = v => b.bottom - (v - this.y0) / (this.y1 - this.y0) * (b.bottom - b.top);
        for (const t of View.log ? logTicks(this.y0, this.y1) : ticks(this.y0, this.y1, 4))
            parts.push(el('line', {class: 'grid', x1: b.left, x2: b.right, y1: this.py(t), y2: this.py(t)}),
                el('text', {x: b.left - 6, y: this.py(t) + 4, 'text-anchor': 'end'}, shown(View.log ? 10 ** t : t)));
        for (const t of ticks(this.x0, this.x1, Math.max(3, width / 80)))
            parts.push(
                el('text', {x: this.px(t), y: height - 6, 'text-anchor': this.px(t) > b.right - 16 ? 'end' : 'middle'},
                    shown(t) + (View.axis === 'time' ? ' min' : '')));
        parts.push(el('line', {class: 'axis', x1: b.left, x2: b.right, y1: b.bottom, y2: b.bottom}));
        const seen = new Set();
        for (const s of this.series)
            if (!seen.has(s.run) && seen.add(s.run)) parts.push(...this.eventLines(s));
        for (const s of this.series) {
            const style = `stroke:${s.colour}`, dash = DASHES[s.dash || 'solid'];
            if (s.line !== s.xy) parts.push(el('path', {class: 'curve raw', style, d: this.path(s.xy)}));
            parts.push(el('path', {class: 'curve', style, 'stroke-dasharray': dash, d: this.path(s.line)}));
            if (s.xy.length === 1)
                parts.push(el('circle',
                    {cx: this.px(s.xy[0][0]), cy: this.py(this.y(s.xy[0][1])), r: 3, style: `fill:${s.colour}`}));
        }
        this.cursor = el('g', {});
        this.svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
        this.svg.setAttribute('height', height);
        this.svg.replaceChildren(...parts, this.cursor);
        this.showCursor();
    }

    path(points) {
        let d = '', pen = 'M';
        for (const [x, v] of points) {
            const y = this.py(this.y(v));
            if (!isFinite(y)) {
                pen = 'M';
                continue;
            }
            d += `${pen}${this.px(x).toFixed(1)} ${y.toFixed(1)}`;
            pen = 'L';
        }
        return d;
    }

    /* Lines at events that matter: not at checkpoints. */
    eventLines(s) {
        return s.run.events.filter(e => !['checkpoint', 'best', 'start', 'finished'].includes(e.event)).map(e => {
            const x = this.px(this.xOf(s, e.step));
            return el('line', {class: 'event', style: MANY ? `stroke:${s.colour}` : null, x1: x, x2: x, y1: this.box.top, y2: this.box.bottom},
                el('title', {}, `step ${e.step}: ${eventWords(e.event)}`));
        });
    }

    /* The point of a series nearest to the cursor. */
    at(s, points) {
        const x = this.xOf(s, View.step);
        let best = null;
        for (const p of points)
            if (!best || Math.abs(p[0] - x) < Math.abs(best[0] - x)) best = p;
        return best;
    }

    showCursor() {
        const marks = [], words = [];
        for (const s of this.series) {
            const p = View.step === null ? s.xy && s.xy[s.xy.length - 1] : this.at(s, s.xy || []);
            words.push(el('span', {}, swatch(s), s.label, ' ', el('b', {}, p ? shown(p[1]) : '')));
            if (p && View.step !== null && this.px && isFinite(this.y(p[1])))
                marks.push(
                    el('circle', {cx: this.px(p[0]), cy: this.py(this.y(p[1])), r: 3.5, style: `fill:${s.colour}`}));
        }
        this.legend.replaceChildren(...words);
        if (!this.cursor) return;
        if (View.step !== null) {
            const x = Math.min(this.box.right, this.px(this.xOf(this.series[0], View.step))), right = x > this.box.width / 2;
            marks.unshift(el('line', {class: 'cursor', x1: x, x2: x, y1: this.box.top, y2: this.box.bottom}));
            marks.push(el('text', {class: 'at', x: right ? x - 6 : x + 6, y: this.box.top + 10, 'text-anchor': right ? 'end' : 'start'},
                `step ${View.step}`));
        }
        this.cursor.replaceChildren(...marks);
    }

    steps() { return this.series.reduce((a, s) => s.points.length > a.length ? s.points : a, []).map(p => p[0]); }

    point(e) {
        const at = this.svg.getBoundingClientRect(), b = this.box;
        const x =
            this.x0 + ((e.clientX - at.left) * b.width / at.width - b.left) / (b.right - b.left) * (this.x1 - this.x0);
        let best = null;
        for (const s of this.series)
            for (const p of s.xy)
                if (!best || Math.abs(p[0] - x) < Math.abs(best[0] - x)) best = p;
        if (best) setCursor(best[2], this);
    }

    press(e) {
        if (e.key === 'Escape') return setCursor(null, this);
        const steps = this.steps(), last = steps.length - 1;
        let at = View.step === null ? last : steps.findIndex(s => s >= View.step);
        if (at < 0) at = last;
        const to =
            {ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last, PageUp: at - 10, PageDown: at + 10}[e.key];
        if (to === undefined) return;
        e.preventDefault();
        setCursor(steps[Math.max(0, Math.min(last, to))], this);
    }
}

function swatch(s) {
    return el('svg', {viewBox: '0 0 22 10', 'aria-hidden': true}, el('line', {
        x1: 0,
        x2: 22,
        y1: 5,
        y2: 5,
        style: `stroke:${s.colour};stroke-width:3`,
        'stroke-dasharray': DASHES[s.dash || 'solid']
    }));
}

/* A drawing as wide as its place: draw(width) returns its height and its parts. */
function drawing(label, draw) {
    const svg = el('svg', {class: 'drawing', role: 'img', 'aria-label': label});
    View.charts.push({
        svg,
        draw() {
            const width = svg.clientWidth || 560, [height, parts] = draw(width);
            svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
            svg.setAttribute('height', height);
            svg.replaceChildren(...parts);
        },
        showCursor() {}
    });
    return svg;
}

/* Also lets the keyboard reach tables that scroll sideways. */
function redrawAll() {
    View.charts.filter(c => c.svg.isConnected).forEach(c => c.draw());
    for (const t of document.querySelectorAll('.table'))
        if (t.scrollWidth > t.clientWidth)
            t.tabIndex = 0;
        else
            t.removeAttribute('tabindex');
}
