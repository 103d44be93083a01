/* What the numbers say, and what to do next: [level, text, advice, the answer in short]. Answers in short stand in the
 * head of the page, too. The limits are rules of thumb. */
const quoted = word => /^[\w./:=+-]+$/.test(word) ? word : `'${word.replaceAll('\'', '\'\\\'\'')}'`;
const percent = x => `${Math.round(100 * x)}\u00a0%`;

/* The total loss in the last stage that has three values: losses of pictures of different sizes cannot be compared. */
function ofLastStage(run, kind) {
    const points = run.points(kind, 'loss.total'), column = run.column(kind, 'stage'),
          stages = new Map(run.steps(kind).map((s, i) => [s, column[i]]));
    const stage = points.map(p => stages.get(p[0])).findLast((s, _, all) => all.filter(x => x === s).length >= 3);
    return {points: points.filter(p => stages.get(p[0]) === stage), stage};
}

/* The value that tells whether the run learns: held out where there is one. */
function courseOf(run) {
    const held = ofLastStage(run, 'val'), train = ofLastStage(run, 'train');
    if (held.points.length >= 3) return {...held, noun: 'validation loss'};
    const points = smoothed(train.points.map(([s, v]) => [s, v, s]), 0.9).map(p => [p[0], p[1]]);
    return {...train, points, noun: 'training loss'};
}

/* What makes the run longer. */
const lengthOf = run => plannedSteps(run) === run.key('train.max_steps') ? 'steps (train.max_steps)' : 'epochs';

function findLearning(run) {
    const {points, noun, stage} = courseOf(run), n = points.length;
    if (n < 3) return [['info', '', 'Wait for a few validations.', 'It is too early to say whether the run is learning.']];
    const best = points.reduce((a, p) => p[1] < a[1] ? p : a), first = points[0], last = points[n - 1];
    const from = Math.floor((n - 1) * 2 / 3), third = points[from],
          gain = (third[1] - Math.min(...points.slice(from).map(p => p[1]))) / third[1];
    const found = `${stage ? `In stage ${stage}, the` : 'The'} ${noun} went from ${shown(first[1])} (step ${first[0]}) to ${shown(last[1])} (step ${last[0]})`,
          more = `the last third of the steps made it ${percent(Math.max(gain, 0))} smaller.`;
    if (best[1] > 0.95 * first[1])
        return [[
            'bad', `${found}.`,
            'Find a learning rate with bifrons train CONFIG --find-lr; look at the sample sheets of both sets.',
            'The run is not learning.'
        ]];
    if (last[1] > 1.05 * best[1] && best[0] < third[0])
        return [[
            'warn', `${found}; the best was ${shown(best[1])}.`,
            'Lower train.lr, use more pictures, or stop earlier (train.early_stop).',
            `The run got worse after step ${best[0]}.`
        ]];
    if (gain > 0.03)
        return [[
            'good', `${found}; ${more}`,
            run.exit === 'ok' ? `It had not levelled off: a run with more ${lengthOf(run)} should be better.`
                              : 'Let it go on.',
            'The run is learning.'
        ]];
    return [[
        'good', `${found}; ${more}`,
        run.key('train.schedule') === 'constant'
            ? 'A falling learning rate (train.schedule = "cosine") or more pictures may help; more epochs alone hardly.'
            : `The learning rate falls towards the end, and with it the gain: a run with more ${
                  lengthOf(run)} may still be better. Otherwise try more pictures or a larger model.`,
        'The run has learned and levelled off.'
    ]];
}

function findGap(run) {
    const mean = kind => ['a', 'b']
                             .map(p => median(run.points(kind, `loss.${p}.l1`).slice(-5).map(q => q[1])))
                             .reduce((a, b) => a + b) /
        2;
    const ratio = mean('val') / mean('train');
    return ratio > 1.5 ? [[
        'warn',
        `Held-out pictures are reconstructed worse than training pictures: L1 ${shown(mean('val'))} against ${
            shown(mean('train'))} (${shown(ratio)} times).`,
        'The network learns its pictures by heart: use more pictures, or more augmentation (augment.*).'
    ]]
                       : [];
}

function findPerson(run) {
    const sources = [
        ['val', 'metrics.recon_l1_a', 'metrics.recon_l1_b', 'reconstruction L1 of held-out pictures'],
        ['val', 'loss.a.l1', 'loss.b.l1', 'L1 loss of held-out pictures'],
        ['train', 'loss.a.l1', 'loss.b.l1', 'L1 loss of training pictures']
    ];
    const list = [];
    for (const [kind, a, b, noun] of sources) {
        const values = [a, b].map(name => median(run.points(kind, name).slice(-5).map(p => p[1])));
        if (!values.every(v => v > 0)) continue;
        const worse = values[0] > values[1] ? 0 : 1, ratio = values[worse] / values[1 - worse],
              counts = (run.record.people || []).map(p => p.pictures);
        if (ratio > 1.1)
            list.push([
                'info',
                `The ${noun} is ${shown(values[worse])}, against ${shown(values[1 - worse])} for ${
                    run.people[1 - worse]} (${shown(ratio)} times).`,
                counts[worse] < 0.7 * counts[1 - worse]
                    ? `${run.people[worse]} has fewer pictures (${counts[worse]} against ${
                          counts[1 - worse]}): add some.`
                    : `Look at ${run.people[worse]}'s row in the previews; sharper and more varied pictures help most.`,
                `${run.people[worse]} is the harder person.`
            ]);
        else
            list.push([
                'good',
                `The ${noun} is ${shown(values[0])} (${run.people[0]}) and ${shown(values[1])} (${run.people[1]}).`, '',
                'Both people are learned about equally well.'
            ]);
        break;
    }
    const swaps = [0, 1].map(i => run.last('val', `metrics.swap_l1_${'ab'[i]}`)),
          recon = [0, 1].map(i => run.last('val', `metrics.recon_l1_${'ab'[i]}`));
    if ([...swaps, ...recon].every(isNumber)) {
        const worse = swaps[0] > swaps[1] ? 0 : 1, to = 1 - worse;
        list.push([
            'info',
            `The swap's L1 against the true swap is ${shown(swaps[worse])} from ${run.people[worse]} to ${
                run.people[to]} (the worse one) and ${shown(swaps[to])} back. ` +
                `${run.people[to]}'s own pictures are reconstructed with ${shown(recon[to])}.`,
            swaps[worse] > 2 * recon[to]
                ? 'The decoder can draw better than the swap shows: the code still carries who it is of. See loss.latent, model.mean_codes and augment.back_translation (docs/recipe.md).'
                : ''
        ]);
    }
    return list;
}

function findTrouble(run) {
    const of = kind => run.events.filter(e => e.event === kind), list = [];
    const skipped = of('skipped'), back = of('back'), collapsed = of('collapsed'), unsaved = of('unsaved');
    const at = events => `step${events.length > 1 ? 's' : ''} ${events.slice(0, 5).map(e => e.step).join(', ')}${
        events.length > 5 ? ', …' : ''}`;
    if (back.length)
        list.push([
            'bad', `The run went back to an earlier state ${plural(back.length, 'time')} (to ${at(back)}).`,
            'Lower train.lr; the log names the pictures of the skipped steps.'
        ]);
    if (skipped.length)
        list.push([
            skipped.length > 0.01 * run.lastStep ? 'bad' : 'warn',
            `${plural(skipped.length, 'step')} had a spike or a number that was not finite and changed nothing (${
                at(skipped)}).`,
            'A few do no harm. Many: lower train.lr, or set train.clip_norm.'
        ]);
    if (collapsed.length)
        list.push([
            'bad', `A decoder drew the same picture for all inputs at ${at(collapsed)}.`,
            'Lower train.lr or let it rise slowly (train.warmup_steps).'
        ]);
    if (unsaved.length)
        list.push(['bad', `A checkpoint could not be saved at ${at(unsaved)}.`, 'Look at the free space and the log.']);
    return list;
}

/* Shares of the time of a step, in the last half of the rows. */
function waitsOf(run) {
    const half = name => {
        const p = run.points('train', name);
        return median(p.slice(Math.floor(p.length / 2)).map(q => q[1]));
    };
    const step = half('step_ms');
    return {step, data: half('data_wait_ms') / step, sum: half('sum_wait_ms') / step, images: half('images_per_s')};
}

function findSpeed(run) {
    const w = waitsOf(run), list = [];
    if (w.data > 0.1)
        list.push([
            'warn', `Each step waits ${percent(w.data)} of its time for pictures.`,
            'Copy the sets to a local disk (data.local_dir), or give the ranks more CPU cores.'
        ]);
    if (w.sum > 0.3)
        list.push([
            'warn', `Each step waits ${percent(w.sum)} of its time for sums over ranks.`,
            'A larger train.global_batch, comm.wire = "bf16" or fewer ranks use the time better; bifrons plan computes how it scales.'
        ]);
    return list;
}

function findSets(run) {
    const people = run.record.people || [], list = [];
    const few = people.filter(p => p.pictures < 500);
    if (few.length)
        list.push([
            'warn', `${few.map(p => `${p.person} has ${plural(p.pictures, 'picture')}`).join(', ')}.`,
            '500 or more of each person are recommended.'
        ]);
    if (people.length === 2 &&
        Math.max(people[0].pictures, people[1].pictures) > 2 * Math.min(people[0].pictures, people[1].pictures))
        list.push([
            'warn', `The sets are of unequal size: ${people[0].pictures} and ${people[1].pictures}.`,
            'The pictures of the smaller set are repeated more often; add some.'
        ]);
    const turns = turnsOf(run), near = turns ? overlapOf(turns) : [1, 1], worse = near[0] < near[1] ? 0 : 1;
    if (near[worse] < 0.7)
        list.push([
            'warn',
            `Only ${percent(near[worse])} of ${run.people[worse]}'s faces are turned as some face of ${
                run.people[1 - worse]}.`,
            `Swaps of the others will be poor: bifrons inspect A.h5 B.h5 --overlap OUT.png says which way ${
                run.people[1 - worse]} has to be photographed.`
        ]);
    return list;
}

/* Whether swaps move as their source pictures do, judged as by src/driver/measures/follow.h. */
function findFollow(run) {
    const all = run.last('val', 'metrics.follow'), lost = [];
    if (!isNumber(all)) return [];
    for (const name of Object.keys(run.metrics.val.columns)) {
        const m = /^metrics\.follow_(\w+)_(a|b)$/.exec(name), r = run.last('val', name);
        const reader = m ? run.last('val', name.replace('follow', 'reader')) : NaN, from = m && m[2] === 'b' ? 1 : 0;
        if (reader >= 0.5 && r < 0.6 * reader)
            lost.push([
                r,
                `${run.people[1 - from]}'s ${m[1]} ${
                    r < -0.3              ? (/s$/.test(m[1]) ? 'move against' : 'moves against')
                        : /s$/.test(m[1]) ? 'do not follow'
                                          : 'does not follow'} ${run.people[from]}'s (r = ${r.toFixed(2)})`
            ]);
    }
    const text =
        `Swaps follow the pose and expression of their source pictures with a mean correlation of ${all.toFixed(2)}.`;
    if (!lost.length) return [['good', text, '']];
    return [[
        'warn',
        `${text} ${lost.sort((x, y) => x[0] - y[0]).slice(0, 4).map(l => l[1]).join('; ')}${
            lost.length > 4 ? `; ${lost.length - 4} more` : ''}.`,
        run.key('model.pose') === 'none'
            ? 'Train longer, or use the pose of the face: loss.pose and model.pose (docs/recipe.md).'
            : `Train longer (more ${lengthOf(run)}).`
    ]];
}

function findNext(run) {
    const folder = run.data.folder.replace(/\/+$/, ''), best = run.data.checkpoints.best ? 'best.pt' : 'latest.pt',
          r = run.record;
    const list = [], checkpoint = quoted(`${folder}/checkpoints/${best}`);
    if (!run.exit && run.data.record)
        list.push([
            'info', 'The run was going on when this page was written, or it was killed.',
            `bifrons report ${
                quoted(
                    folder)} writes the page again. If it was killed, the same train command with --resume auto goes on.`
        ]);
    else if (run.exit && run.exit !== 'ok')
        list.push([
            ['again', 'interrupted'].includes(run.exit) ? 'info' : 'bad',
            r.message || `The run ended with “${run.exit}”.`,
            'The same train command with --resume auto goes on from the last checkpoint.'
        ]);
    if (run.data.checkpoints.files.length)
        list.push([
            'next', 'Measure it and look at swaps:',
            el('pre', {}, el('code', {}, `bifrons eval ${checkpoint}\nbifrons swap ${checkpoint} PICTURES -o swapped`))
        ]);
    return list;
}

const LEVELS = {
    good: '✔ good',
    warn: '▲ look',
    bad: '✕ trouble',
    info: '● note',
    next: '▶ next'
};

/* Answers in short first, then the rest, the worst first. */
function findingsOf(run) {
    const order = ['bad', 'warn', 'good', 'info', 'next'];
    return [findLearning, findPerson, findGap, findFollow, findTrouble, findSpeed, findSets, findNext]
        .flatMap(f => f(run))
        .sort((a, b) => (a[3] ? -1 : order.indexOf(a[0])) - (b[3] ? -1 : order.indexOf(b[0])));
}

/* Whether the run learns, who is the harder person, and how much else is to be looked at. */
function answers(run) {
    const all = findingsOf(run), more = all.filter(f => !f[3] && ['bad', 'warn'].includes(f[0]));
    return [
        ...all.filter(f => f[3]).map(f => [f[0], f[3]]),
        ...(more.length ? [[more[0][0], `${plural(more.length, 'more thing')} to look at.`]] : [])
    ];
}

function findingsSection() {
    const lists = RUNS.map(run => {
        const all = findingsOf(run);
        return [
            MANY ? el('h3', {}, run.name) : null,
            el('ul', {class: 'findings'},
                all.map(
                    ([level, text, advice, short]) => el('li', {}, el('span', {class: `mark ${level}`}, LEVELS[level]),
                        el('div', {}, el('p', {}, short ? [el('b', {}, short), ' '] : null, text),
                            advice ? el(typeof advice === 'string' ? 'p' : 'div', {class: 'muted'}, advice) : null))))
        ];
    });
    return el('section', {id: 'findings'}, el('h2', {}, 'What the numbers say'), lists);
}
