'use strict';
(() => {
  const page = JSON.parse(document.getElementById('data').textContent);
  const pictures = new Map(page.images.map(({id, png}) => [id, png]));
  const count = page.images.length;
  const place = 'ncsn-hype:' + page.page;
  const at = (id) => document.getElementById(id);
  // Of an image just shown, what comes earlier is a second press meant for the one before.
  const SOONEST = 150;
  // Sides of small images on the screen, at most, in CSS pixels.
  const SIDE = 384;

  let state = null;
  let keeps = true;
  // Milliseconds for which the image was visible, up to `since`, which is null while it is not. A pause or a reload
  // begins them anew.
  let spent = 0;
  let since = null;

  // What the browser keeps.

  function valid(kept) {
    const isText = (value) => typeof value === 'string';
    return kept && isText(kept.evaluator) && isText(kept.session) && isText(kept.started)
      && (kept.finished === null || isText(kept.finished))
      && Array.isArray(kept.order) && kept.order.length === count && new Set(kept.order).size === count
      && kept.order.every((id) => pictures.has(id))
      && Array.isArray(kept.answers) && kept.answers.length <= count
      && kept.answers.every(({image, answer, ms}, index) => image === kept.order[index]
        && (answer === 'real' || answer === 'generated') && Number.isFinite(ms) && ms >= 0)
      && (kept.finished === null) === (kept.answers.length < count);
  }

  // The browser's storage outlives the tab, the tab's history outlives a storage that was cleared, denied or lost.
  function load() {
    let kept = null;
    try {
      localStorage.setItem(place + ':try', '1');
      localStorage.removeItem(place + ':try');
      kept = JSON.parse(localStorage.getItem(place));
    } catch (error) {
      if (!(error instanceof SyntaxError)) keeps = false;
    }
    return [kept, history.state].find(valid) ?? null;
  }

  function store() {
    try {
      history.replaceState(state, '');
    } catch {
      // Safari takes a hundred in 30 seconds; the next answer brings this one too.
    }
    if (!keeps) return;
    try {
      if (state) localStorage.setItem(place, JSON.stringify(state));
      else localStorage.removeItem(place);
    } catch {
      keeps = false;
      at('unkept').hidden = false;
    }
  }

  // What is seen.

  function fill(name, text) {
    for (const element of document.querySelectorAll(`[data-${name}]`)) element.textContent = text;
  }

  function show(screen) {
    for (const id of ['start', 'trial', 'end']) at(id).hidden = id !== screen;
    window.scrollTo(0, 0);
  }

  function showStart() {
    fill('name', state ? state.evaluator : '');
    fill('done', state ? state.answers.length : 0);
    at('resume').hidden = !state;
    at('enter').hidden = Boolean(state);
    at('unkept').hidden = keeps;
    show('start');
    at(state ? 'continue' : 'name').focus({preventScroll: true});
  }

  function showTrial() {
    show('trial');
    showImage();
    at('trial').focus({preventScroll: true});
  }

  function showImage() {
    const number = state.answers.length + 1;
    const image = at('image');
    stopClock();
    spent = 0;
    at('progress').textContent = `Image ${number} of ${count}`;
    at('bar').max = count;
    at('bar').value = number - 1;
    image.alt = `image ${number} of ${count}`;
    image.classList.remove('new');
    image.src = 'data:image/png;base64,' + pictures.get(state.order[number - 1]);
    fit();
  }

  // Enlarges by a whole number, as far as the window has room; reduces what is larger than the window.
  function fit() {
    const others = window.matchMedia('(max-height:26rem) and (min-width:34rem)').matches ? 100 : 290;
    const [wide, high] = [at('trial').clientWidth, Math.max(160, window.innerHeight - others)];
    const times = Math.floor(Math.min(Math.min(SIDE, wide) / page.width, Math.min(SIDE, high) / page.height));
    const scale = times || Math.min(1, wide / page.width, high / page.height);
    at('image').style.width = `${scale * page.width}px`;
    at('image').classList.toggle('smaller', scale < 1);
  }

  function showEnd() {
    const {evaluator, answers} = state;
    const real = answers.filter(({answer}) => answer === 'real').length;
    const times = answers.map(({ms}) => ms).sort((a, b) => a - b);
    const median = (times[Math.floor((count - 1) / 2)] + times[Math.floor(count / 2)]) / 2;
    const total = Math.round(times.reduce((sum, ms) => sum + ms, 0) / 1000);
    const length = total < 60 ? `${total} s` : `${Math.floor(total / 60)} min ${total % 60} s`;
    fill('name', evaluator);
    const each = (median / 1000).toFixed(1);
    at('summary').textContent = `You judged ${count} images in ${length}, typically ${each} s each, and `
      + `took ${real} for real, ${count - real} for generated.`;
    at('text').value = exported();
    at('saved').textContent = '';
    at('copied').textContent = '';
    show('end');
    at('end').focus({preventScroll: true});
  }

  // Judging.

  function stopClock() {
    if (since !== null) spent += performance.now() - since;
    since = null;
  }

  function startClock() {
    const isSeen = !at('trial').hidden && !document.hidden && at('image').complete;
    if (isSeen && since === null) since = performance.now();
  }

  function judge(answer) {
    if (since === null || at('sure').open) return;
    const ms = Math.round(spent + performance.now() - since);
    if (ms < SOONEST) return;
    state.answers.push({image: state.order[state.answers.length], answer, ms});
    if (state.answers.length < count) {
      store();
      showImage();
    } else {
      state.finished = new Date().toISOString();
      store();
      showEnd();
    }
  }

  // Numbers below `limit`, all equally likely.
  function random(limit) {
    const most = 2 ** 32 - 2 ** 32 % limit;
    for (;;) {
      const [number] = crypto.getRandomValues(new Uint32Array(1));
      if (number < most) return number % limit;
    }
  }

  function begin(evaluator) {
    const order = page.images.map(({id}) => id);
    for (let last = count - 1; last > 0; last--) {
      const other = random(last + 1);
      [order[last], order[other]] = [order[other], order[last]];
    }
    const bytes = [...crypto.getRandomValues(new Uint8Array(16))];
    const session = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
    const started = new Date().toISOString();
    state = {evaluator, session, started, finished: null, order, answers: [], saved: false};
    store();
    showTrial();
  }

  function anew() {
    state = null;
    store();
    at('name').value = '';
    showStart();
  }

  function askAnew() {
    if (state.saved) return anew();
    at('warning').textContent = state.finished
      ? `The answers of ${state.evaluator} have not been saved. Start anew without them?`
      : `${state.evaluator} has answered ${state.answers.length} of ${count} images. Start anew without these answers?`;
    at('sure').showModal();
  }

  // Handing over.

  function exported() {
    const {evaluator, session, started, finished, answers} = state;
    const all = {schema: 'ncsn.hype-answers/1', page: page.page, evaluator, session, started, finished, answers};
    return JSON.stringify(all, null, 1) + '\n';
  }

  function markSaved() {
    state.saved = true;
    store();
  }

  function save() {
    const link = document.createElement('a');
    const name = state.evaluator.replace(/[^\p{L}\p{N}_-]+/gu, '_');
    link.href = URL.createObjectURL(new Blob([exported()], {type: 'application/json'}));
    link.download = `hype-${page.page.slice(0, 8)}-${name}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    at('saved').textContent = `Saved as ${link.download}, in this browser's downloads.`;
    markSaved();
  }

  async function copy() {
    at('text').select();
    let done = false;
    try {
      await navigator.clipboard.writeText(at('text').value);
      done = true;
    } catch {
      done = document.execCommand('copy');
    }
    at('copied').textContent = done ? 'Copied.'
      : 'The text is selected: copy it with the keys or the menu of your device.';
    if (done) markSaved();
  }

  // What happens.

  const KEYS = {r: 'real', 1: 'real', arrowleft: 'real', g: 'generated', 2: 'generated', arrowright: 'generated'};

  document.addEventListener('keydown', (event) => {
    if (at('trial').hidden || event.ctrlKey || event.altKey || event.metaKey) return;
    const answer = KEYS[event.key.toLowerCase()];
    if (answer) {
      event.preventDefault();
      if (!event.repeat) judge(answer);
    } else if (event.key === 'Escape') {
      showStart();
    }
  });
  at('image').addEventListener('load', () => {
    at('image').classList.add('new');
    startClock();
  });
  document.addEventListener('visibilitychange', () => document.hidden ? stopClock() : startClock());
  window.addEventListener('resize', () => at('trial').hidden || fit());
  // The same page in another tab goes on there.
  window.addEventListener('storage', (event) => {
    if (event.key !== place && event.key !== null) return;
    if (event.key === place) history.replaceState(null, '');
    state = load();
    state && state.finished ? showEnd() : showStart();
  });
  window.addEventListener('beforeunload', (event) => {
    if (!keeps && state && !state.saved) event.preventDefault();
  });
  at('enter').addEventListener('submit', (event) => {
    event.preventDefault();
    const evaluator = at('name').value.trim();
    at('name').setCustomValidity('');
    if (evaluator) begin(evaluator);
  });
  at('name').addEventListener('input', () => {
    const isBlank = at('name').value.trim() === '' && at('name').value !== '';
    at('name').setCustomValidity(isBlank ? 'A name or code, not spaces alone.' : '');
  });
  at('continue').addEventListener('click', showTrial);
  at('pause').addEventListener('click', showStart);
  at('real').addEventListener('click', () => judge('real'));
  at('generated').addEventListener('click', () => judge('generated'));
  at('save').addEventListener('click', save);
  at('copy').addEventListener('click', copy);
  at('keep').addEventListener('click', () => at('sure').close());
  at('discard').addEventListener('click', () => {
    at('sure').close();
    anew();
  });
  for (const button of document.querySelectorAll('[data-anew]')) button.addEventListener('click', askAnew);

  at('enlarged').hidden = SIDE < 2 * Math.max(page.width, page.height);
  fill('count', count);
  fill('minutes', `${Math.max(1, Math.round(count / 20))} to ${Math.max(2, Math.ceil(count / 10))}`);
  state = load();
  state && state.finished ? showEnd() : showStart();
})();
