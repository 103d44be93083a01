/* The head of the page, and its tables: events, sets, configuration, machines, plan. */
const STATES = {
    __proto__: null,
    ok: ['finished', 'good'],
    again: ['stopped', 'info'],
    interrupted: ['interrupted', 'warn']
};
const stateOf = run => !run.data.record ? ['state unknown', 'info']
    : !run.exit                         ? ['not ended', 'info']
                                        : STATES[run.exit] || [`failed (${run.exit})`, 'bad'];

function table(head, rows, numbers) {
    const is = i => (numbers || []).includes(i) ? 'number' : null;
    return el('div', {class: 'table'},
        el('table', {}, el('thead', {}, el('tr', {}, head.map((h, i) => el('th', {scope: 'col', class: is(i)}, h)))),
            el('tbody', {},
                rows.map(
                    row => row instanceof Node ? row : el('tr', {}, row.map((c, i) => el('td', {class: is(i)}, c)))))));
}

/* Long keys and paths may go on in the next line. */
const broken = text => String(text).split(/(?=\.[a-z]|\/)/).map((part, i) => [i ? el('wbr') : null, part]);

/* The head and the rows of a table whose rows are the columns of this one. */
const turned = (head, rows) => [[head[0], ...rows.map(r => r[0])], head.slice(1).map((h, i) => [h, ...rows.map(r => r[i + 1])])];

const list = pairs => el('dl', {}, pairs.filter(p => p[1] !== '' && p[1] !== null && p[1] !== undefined).map(([k,
    v]) => [el('dt', {}, k), el('dd', {}, v)]));

/* The step at which the configuration ends the run; NaN: not known. */
function plannedSteps(run) {
    const epochs = run.key('train.epochs'), most = run.key('train.max_steps');
    const pictures = Math.max(...(run.record.people || []).map(p => p.pictures)) * (1 - run.key('data.val_fraction'));
    const batch = run.key('train.global_batch'), stages = String(run.key('train.stages')).match(/\{[^}]*\}/g) || [''];
    const of = (stage, name, other) => +(new RegExp(`\\b${name} = (\\d+)`).exec(stage) || [0, other])[1];
    const steps = stages.map(s => of(s, 'epochs', epochs) * Math.ceil(pictures / of(s, 'global_batch', batch)))
                      .reduce((a, b) => a + b);
    return most > 0 ? Math.min(most, steps || most) : steps;
}

function facts(run) {
    const time = run.last('train', 'time') || run.record.seconds, w = waitsOf(run), planned = plannedSteps(run);
    const pair = name => [0, 1].map(i => run.last('val', `metrics.${name}_${'ab'[i]}`));
    const two = values => values.every(isNumber) ? values.map(v => v.toFixed(3)).join(' / ') : null;
    const names = run.people.join(' / ');
    return [
        [
            'Step', digits.format(run.lastStep),
            isNumber(planned) && planned > run.lastStep ? `of about ${digits.format(planned)}`
                                                        : `epoch ${run.last('train', 'epoch')}`
        ],
        ['Validation loss', isNumber(run.last('val', 'loss.total')) ? shown(run.last('val', 'loss.total')) : null, ''],
        ['Reconstruction L1', two(pair('recon_l1')), names],
        ['Swap L1', two(pair('swap_l1')), `pictures of ${names}`],
        ['Time trained', isNumber(time) ? duration(time) : null, ''],
        ['Images a second', isNumber(w.images) ? shown(+w.images.toPrecision(3)) : null, 'of both people, median of the last half'],
    ].filter(f => f[1]);
}

function header() {
    const top = document.getElementById('top'), names = RUNS.map(r => r.name).join(', ');
    document.title = `${names} – Bifrons report`;
    const sections = [...document.querySelectorAll('section')].map(
        s => el('a', {href: `#${s.id}`}, s.querySelector('h2').textContent));
    if (MANY) top.append(el('div', {class: 'title'}, el('h1', {}, `${RUNS.length} runs side by side`)));
    for (const run of RUNS) {
        const [words, level] = stateOf(run);
        if (!MANY)
            top.append(
                el('div', {class: 'title'}, el('h1', {}, run.name), el('span', {class: `status ${level}`}, words)),
                el('p', {class: 'muted'},
                    `${run.people.join(' and ')} · ${
                        run.record.started ? `started ${run.record.started.replace('T', ' ').replace('Z', ' UTC')}`
                                           : 'start unknown'}`),
                el('a', {class: 'answers', href: '#findings'},
                    answers(run).map(([level, text]) => [el('span', {}, el('span', {class: level}, LEVELS[level].split(' ')[0]), ` ${text}`), ' '])),
                el('div', {class: 'tiles'},
                    facts(run).map(f => el('div', {class: 'tile'}, el('span', {}, f[0]), el('b', {}, f[1]),
                                       el('span', {}, f[2])))));
    }
    top.after(el('nav', {'aria-label': 'sections'}, sections));
}

/* Several runs: their facts, a column each. */
function compareSection() {
    const all = RUNS.map(facts), names = [...new Set(all.flatMap(f => f.map(x => x[0])))];
    return el('section', {id: 'compare'}, el('h2', {}, 'Side by side'),
        table(['', ...RUNS.map((r, i) => [el('span', {style: `color:${colour(i)}`, 'aria-hidden': 'true'}, '■ '), broken(r.name)])],
            [
                ['State', ...RUNS.map(r => stateOf(r)[0])], ['People', ...RUNS.map(r => r.people.join(', '))],
                ...names.map(n => [n, ...all.map(f => (f.find(x => x[0] === n) || [0, '–'])[1])]),
                ['In short', ...RUNS.map(r => answers(r).map(([, text]) => el('div', {}, text)))]
            ]));
}

/* --- Events ----------------------------------------------------------------------------------- */

/* One row for each kind of event. */
function timeline(run) {
    const kinds = [...new Set(run.events.map(e => e.event))].sort(
        (a, b) => Object.keys(EVENTS).indexOf(a) - Object.keys(EVENTS).indexOf(b));
    const last = Math.max(1, run.lastStep, ...run.events.map(e => e.step)), high = 20, height = kinds.length * high + 22;
    const label = `Events by step. ${
        kinds.map(k => `${eventWords(k)}: ${run.events.filter(e => e.event === k).length}`)
            .join(', ')}. The table below lists them.`;
    return drawing(label, width => {
        const left = Math.min(150, width * 0.36), parts = [], x = step => left + step / last * (width - left - 20);
        kinds.forEach((kind, row) => {
            const y = row * high + 14, [words, level, symbol] = EVENTS[kind] || [kind, 'info', '●'];
            parts.push(el('text', {x: left - 14, y: y + 4, 'text-anchor': 'end'}, words),
                el('line', {class: 'grid', x1: left, x2: width - 20, y1: y, y2: y}));
            for (const e of run.events.filter(e => e.event === kind))
                parts.push(el('text', {
                    x: x(e.step),
                    y: y + 4,
                    'text-anchor': 'middle',
                    style: `fill:var(--${level === 'info' ? 'muted' : level})`
                },
                    symbol, el('title', {}, `step ${e.step}: ${words} ${e.text || ''}`)));
        });
        for (const t of ticks(0, last, Math.max(3, width / 130)))
            parts.push(el('text', {x: x(t), y: height - 2, 'text-anchor': 'middle'}, shown(t)));
        return [height, parts];
    });
}

function eventsSection() {
    const parts = RUNS.map(run => {
        const rows =
            run.events
                .map(e => el('tr', {class: 'event-row'},
                         el('td', {class: 'number'},
                             el('a', {href: '#curves', onclick: () => setCursor(e.step)}, String(e.step))),
                         el('td', {}, `${(EVENTS[e.event] || ['', '', '●'])[2]} ${eventWords(e.event)}`),
                         el('td', {},
                             e.text && e.event === 'changed' ? el('pre', {}, el('code', {}, e.text.trim())) : e.text || ''),
                         el('td', {}, (e.at || '').replace('T', ' ').replace('Z', ' UTC'))))
                .reverse();
        return [
            MANY ? el('h3', {}, run.name) : null, run.events.length ? timeline(run) : null,
            run.events.length
                ? el('details', {}, el('summary', {}, plural(run.events.length, 'event'), ', the newest first'),
                      table(['step', 'event', 'more', 'when'], rows, [0]))
                : el('p', {class: 'muted'}, 'Nothing is recorded.')
        ];
    });
    return el('section', {id: 'events'}, el('h2', {}, 'Events'), parts);
}

/* --- Sets ------------------------------------------------------------------------------------- */

/* How the faces of both people are turned; null: not known of both in the same way. Pitch from points counts from each
 * person's median. */
function turnsOf(run) {
    const sets = run.data.sets.slice(0, 2);
    if (sets.length < 2 || sets[0].pose !== sets[1].pose || !sets.every(s => s.poses && s.poses.length)) return null;
    return sets.map(s => {
        const middle = s.pose ? 0 : median(s.poses.map(p => p[1]));
        return s.poses.map(([yaw, pitch]) => [yaw, pitch - middle]);
    });
}

/* The share of each person's faces that have a face of the other in their cell of 10 x 10 degrees, as bifrons inspect
 * --overlap. */
function overlapOf(turns) {
    const cell = ([yaw, pitch]) => `${Math.floor(yaw / 10)} ${Math.floor(pitch / 10)}`,
          cells = turns.map(t => new Set(t.map(cell)));
    return turns.map((t, i) => t.filter(p => cells[1 - i].has(cell(p))).length / t.length);
}

function posesChart(run) {
    const turns = turnsOf(run);
    if (!turns) return null;
    const height = 260, angles = turns.flat(),
          reach = [0, 1].map(i => Math.max(20, ...angles.map(p => Math.abs(p[i]))) + 3);
    const draw = width => {
        const x = yaw => 40 + (yaw / reach[0] + 1) / 2 * (width - 50),
              y = pitch => 10 + (1 - pitch / reach[1]) / 2 * (height - 50), parts = [];
        for (const t of ticks(-reach[0], reach[0], 6))
            parts.push(el('line', {class: 'grid', x1: x(t), x2: x(t), y1: y(reach[1]), y2: y(-reach[1])}),
                el('text', {x: x(t), y: height - 26, 'text-anchor': 'middle'}, String(t)));
        for (const t of ticks(-reach[1], reach[1], 4))
            parts.push(el('line', {class: 'grid', x1: x(-reach[0]), x2: x(reach[0]), y1: y(t), y2: y(t)}),
                el('text', {x: 34, y: y(t) + 4, 'text-anchor': 'end'}, String(t)));
        turns[0].forEach(
            p => parts.push(el('circle',
                {cx: x(p[0]), cy: y(p[1]), r: 3, style: `fill:none;stroke:${colour(0)};stroke-width:1.5`})));
        turns[1].forEach(
            p => parts.push(el('path',
                {d: `M${x(p[0]) - 3} ${y(p[1]) - 3}l6 6m0 -6l-6 6`, style: `stroke:${colour(1)};stroke-width:1.5`})));
        parts.push(el('text', {x: width / 2, y: height - 6, 'text-anchor': 'middle'}, 'left ← yaw, degrees → right'));
        return [height, parts];
    };
    const shares =
        overlapOf(turns)
            .map((s, i) => `${percent(s)} of ${run.people[i]}'s faces are turned as some face of ${run.people[1 - i]}`)
            .join('; ');
    return el('div', {}, el('h3', {}, `${MANY ? `${runsWith(sameSets(run))}: h` : 'H'}ow the faces are turned: pitch against yaw`),
        el('p', {class: 'small'}, el('span', {style: `color:${colour(0)}`}, '○ '), run.people[0], ' \u2003',
            el('span', {style: `color:${colour(1)}`}, '× '), run.people[1]),
        drawing(`Yaw and pitch of the faces of both people. ${shares}.`, draw), el('p', {class: 'small muted'},
            `${shares} (within cells of 10 degrees). A swap works where both people overlap.`));
}

/* Runs that have the same people and sets are shown once. */
const setsOf = run => JSON.stringify([run.record.people, run.data.sets]);
const sameSets = run => r => setsOf(r) === setsOf(run);
const runsWith = same => RUNS.filter(same).map(r => r.name).join(', ');

function setsSection() {
    const first = RUNS.filter(run => RUNS.find(sameSets(run)) === run);
    const shownPeople = first.flatMap(run => (run.record.people || []).map((person, i) => {
        const set = run.data.sets[i] || {},
              has = ['masks', 'points', 'truth'].filter(k => set[k]).map(k => k === 'truth' ? 'true swaps' : k);
        const known = new Set(['person', 'set', 'fingerprint', 'pictures', 'consent']);
        return el('div', {}, el('h3', {}, `${MANY ? `${runsWith(sameSets(run))}; ` : ''}${'AB'[i]}: ${person.person}`), list([
            ['pictures', `${digits.format(person.pictures)}${set.size ? ` of ${set.size} × ${set.size} px` : ''}`],
            ['with', has.join(', ')], ['consent', person.consent], ['file', el('code', {}, person.set)],
            ['fingerprint', el('code', {}, person.fingerprint)], ['now', set.now === 'same' ? '' : set.now],
            ...Object.entries(person).filter(([k]) => !known.has(k)).map(([k,
                v]) => [k, typeof v === 'object' ? JSON.stringify(v) : String(v)])
        ]),
            set.sheet ? el('img', {
                src: set.sheet,
                alt: `Sample of ${person.person}'s pictures, evenly spread over the set`
            })
                      : null);
    }));
    return el('section', {id: 'sets'}, el('h2', {}, 'Sets'),
        shownPeople.length ? el('div', {class: 'people'}, shownPeople)
                           : el('p', {class: 'muted'}, 'run.json does not name the sets.'),
        el('div', {class: 'people', style: 'margin-top:18px'}, first.map(posesChart)));
}

/* --- Configuration ---------------------------------------------------------------------------- */

function configSection() {
    const names = [...new Set(RUNS.flatMap(r => [...r.keys.keys()]))], own = RUNS[0];
    if (!names.length)
        return el('section', {id: 'config'}, el('h2', {}, 'Configuration'),
            el('p', {class: 'muted'}, 'It could not be read.'));
    const preset = !MANY && own.keys.get(names[0]).preset !== undefined;
    const value = (run, name, field) => (run.keys.get(name) || {})[field];
    const differs = name => MANY ? new Set(RUNS.map(r => value(r, name, 'value'))).size > 1
                                 : value(own, name, 'value') !== value(own, name, preset ? 'preset' : 'default');
    const rowOf = name => el('tr', {class: differs(name) ? 'changed' : null}, el('td', {class: 'key'}, el('code', {}, broken(name))),
        (MANY ? RUNS.map(r => value(r, name, 'value'))
              : [value(own, name, 'value'), ...(preset ? [value(own, name, 'preset')] : [])])
            .map(v => el('td', {}, el('code', {}, broken(v ?? '–')))),
        el('td', {class: 'muted'}, el('code', {}, value(RUNS.find(r => r.keys.has(name)), name, 'default'))));
    const head = ['key', ...(MANY ? RUNS.map(r => broken(r.name)) : ['this run', ...(preset ? ['preset'] : [])]), 'default'];
    const changed = names.filter(differs), others = names.filter(n => !differs(n)),
          set = others.filter(n => !MANY && value(own, n, 'value') !== value(own, n, 'default'));
    const against = MANY ? 'the runs differ in these keys'
        : preset         ? `differs from ${own.data.preset} in these keys`
                : own.data.preset ? `differs from the defaults in these keys (${own.data.preset} was not found)`
                                  : 'differs from the defaults in these keys';
    return el('section', { id: 'config' }, el('h2', {}, 'Configuration'),
        changed.length ? [el('p', {}, MANY ? `The ${against.replace('the ', '')}:` : `The run ${against}:`), table(head, changed.map(rowOf))]
            : el('p', {}, MANY ? 'All runs have the same keys.' : 'No key differs.'),
        set.length ? el('details', {}, el('summary', {}, `${plural(set.length, 'key')} that the preset sets`), table(head, set.map(rowOf))) : null,
        el('details', {}, el('summary', {}, `All other ${plural(others.length - set.length, 'key')}`), table(head, others.filter(n => !set.includes(n)).map(rowOf))));
}

/* --- Machines and plan ------------------------------------------------------------------------ */

function machineOf(run) {
    const r = run.record, nodes = {__proto__: null};
    for (const rank of r.ranks || []) (nodes[rank.host] = nodes[rank.host] || []).push(rank.rank);
    const size = run.data.checkpoints.files.map(f => f.bytes);
    return list([
        ['ranks', r.world_size && `${plural(r.world_size, 'rank')} on ${plural(Object.keys(nodes).length, 'node')}`],
        [
            'nodes',
            Object.entries(nodes)
                .map(([host, ranks]) => `${host}: rank${ranks.length > 1 ? 's' : ''} ${
                         ranks.length > 2 ? `${ranks[0]}–${ranks[ranks.length - 1]}` : ranks.join(', ')}`)
                .join('; ')
        ],
        ['device', r.device],
        ['precision', r.precision || run.key('train.precision')],
        ['communication', r.backend && `${r.backend}; ${r.reducer}`],
        ['Bifrons', r.bifrons && `${r.bifrons.version}, commit ${String(r.bifrons.commit).slice(0, 12)}`],
        ['libraries', Object.entries(r.libraries || {}).map(([k, v]) => `${k} ${v}`).join(', ')],
        ['seed', r.seed],
        ['started', r.started],
        ['ended', r.ended],
        ['restarts', r.resumes && String(r.resumes.length)],
        [
            'checkpoints',
            size.length ? `${size.length} there, ${unit(Math.max(...size), 'B')} each; best: ${
                              run.data.checkpoints.best || 'none'}`
                        : 'none'
        ],
    ]);
}

function planRows(run) {
    return (run.data.plans || []).filter(Boolean).map((plan, i, all) => {
        const stage = all.length > 1 ? i + 1 : null, stages = run.column('train', 'stage');
        const rows = name => median(run.column('train', name).filter((_, k) => stage === null || stages[k] === stage));
        const measured = rows('step_ms') / 1e3, ranks = run.record.world_size || 1;
        return [
            [MANY ? `${run.name} ` : '', stage ? `stage ${stage}, ` : '', `${plan.image_size}\u00a0px`],
            unit(plan.parameters), unit(plan.step_flops, 'FLOP'),
            isNumber(measured) ? `${shown(measured * 1e3)} ms` : '–',
            isNumber(measured) ? unit(plan.step_flops / measured / ranks, 'FLOP/s') : '–',
            plan.step_s ? `${shown(plan.step_s * 1e3)} ms${
                              isNumber(measured) ? ` (measured ${shown(measured / plan.step_s)} times)` : ''}`
                                                 : '–',
            unit(plan.rank_bytes, 'B')
        ];
    });
}

function machinesSection() {
    const rows = RUNS.flatMap(planRows), predicted = RUNS.some(r => (r.data.plans || []).some(p => p && p.step_s));
    return el('section', { id: 'machines' }, el('h2', {}, 'Machines and plan'), el('div', { class: 'people' }, RUNS.map(r => el('div', {}, MANY ? el('h3', {}, r.name) : null, machineOf(r)))),
        rows.length ? [el('h3', { style: 'margin-top:18px' }, 'Plan against measured step'),
            table(...turned(['', 'parameters', 'arithmetic of a step', 'measured step', 'speed of a rank', 'predicted step', 'planned memory of a rank'], rows)),
            el('p', { class: 'small muted' }, 'The measured step is the median of all rows. ', predicted ? '' : 'bifrons report --cluster FILE adds the predicted time of a step on that cluster.')] : null);
}

function notesSection() {
    const notes = RUNS.flatMap(r => r.data.notes);
    return notes.length
        ? el('section', {id: 'notes'}, el('h2', {}, 'Left out'), el('ul', {}, notes.map(n => el('li', {}, n))))
        : null;
}
