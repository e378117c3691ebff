// The kitchen wall: bump-bar keys, ages that tick, two tones, a screen that stays awake, and a banner when the line is lost.
(() => {
  "use strict";
  const wall = document.getElementById("wall");
  const banner = document.getElementById("silence");
  const light = document.getElementById("light");
  if (!wall) return;
  const words = wall.dataset;
  const SILENT_MS = 10000, PULSE_MS = 4000;
  let heard = Date.now(), ahead = 0, streaming = true, said = light ? light.dataset.time : "";

  const tickets = () => [...document.querySelectorAll("#board .ticket")];
  const fill = (sentence, facts) => sentence.replace(/\{(\w+)\}/g, (_, name) => facts[name]);

  // A ticket's age follows the server's clock, so that two screens and a wrong tablet clock agree.
  function tick() {
    const now = (Date.now() + ahead) / 1000;
    for (const ticket of tickets()) {
      const age = ticket.querySelector("[data-due]");
      if (!age) continue;
      const left = Number(age.dataset.due) - now;
      const pace = left < 0 ? "late" : left <= Number(words.soonS) ? "soon" : "early";
      const minutes = left < 0 ? Math.ceil(-left / 60) : Math.floor(left / 60);
      const text = fill(words[pace], { min: minutes });
      if (age.textContent !== text) age.textContent = text;
      ticket.classList.toggle("ticket--late", pace === "late");
      ticket.classList.toggle("ticket--soon", pace === "soon");
    }
  }

  async function pulse() {
    try {
      const answer = await fetch(words.pulse, { cache: "no-store", signal: AbortSignal.timeout(PULSE_MS) });
      if (answer.redirected || answer.status === 401 || answer.status === 403) return location.reload();
      if (!answer.ok) throw new Error(answer.status);
      const beat = await answer.json();
      const wasSilent = !banner.hidden;
      heard = Date.now();
      ahead = beat.now * 1000 - heard;
      said = beat.time;
      light.textContent = fill(words.live, { time: said });
      banner.hidden = true;
      document.body.classList.remove("is-silent");
      if (wasSilent || streaming === false) await refresh();
    } catch {
      listen();
    }
    tick();
  }

  function listen() {
    if (Date.now() - heard <= SILENT_MS) return;
    banner.textContent = fill(words.silent, { time: said });
    banner.hidden = false;
    document.body.classList.add("is-silent");
  }

  // Behind the stream: fetch the board itself whenever the stream is down or the line has just come back.
  const refresh = () => htmx.ajax("GET", location.href, { target: "#board", swap: "outerMorph" });

  document.addEventListener("htmx:sse:after:connection", () => { streaming = true; });
  document.addEventListener("htmx:sse:error", () => { streaming = false; });
  document.addEventListener("htmx:sse:close", () => { streaming = false; });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target.closest("input, textarea, select")) return;
    const isIdle = event.target === document.body;
    const key = event.key === "Enter" && isIdle ? "1" : event.key;
    if (/^[1-9]$/.test(key)) document.querySelector(`#board [data-key="${key}"] .ticket__do`)?.click();
    else if (key.toLowerCase() === "r") document.getElementById("recall")?.click();
    else return;
    event.preventDefault();
  });

  let ear = null;
  function tone(pitch, times) {
    for (let at = 0; ear && at < times; at++) {
      const note = ear.createOscillator(), loud = ear.createGain(), from = ear.currentTime + at * 0.28;
      note.frequency.value = pitch;
      loud.gain.setValueAtTime(0.25, from);
      loud.gain.exponentialRampToValueAtTime(0.001, from + 0.24);
      note.connect(loud).connect(ear.destination);
      note.start(from);
      note.stop(from + 0.25);
    }
  }
  const sound = document.getElementById("sound");
  if (sound && window.AudioContext) {
    sound.hidden = false;
    sound.addEventListener("click", () => {
      if (ear) ear.close(), ear = null;
      else ear = new AudioContext(), tone(880, 1);
      sound.setAttribute("aria-pressed", String(Boolean(ear)));
    });
  }

  const ids = (selector) => new Set([...document.querySelectorAll(selector)].map((ticket) => ticket.id));
  let known = ids("#board .ticket"), late = ids("#board .ticket--late, #board .ticket--off");
  function ring() {
    const nowKnown = ids("#board .ticket"), nowLate = ids("#board .ticket--late, #board .ticket--off");
    if ([...nowLate].some((id) => !late.has(id))) tone(440, 3);
    else if ([...nowKnown].some((id) => !known.has(id))) tone(880, 1);
    known = nowKnown;
    late = nowLate;
  }
  let drawn = 0;
  new MutationObserver(() => {
    cancelAnimationFrame(drawn);
    drawn = requestAnimationFrame(() => { tick(); ring(); });
  }).observe(wall, { childList: true, subtree: true });

  const stayAwake = () => document.visibilityState === "visible" && navigator.wakeLock?.request("screen").catch(() => {});
  document.addEventListener("visibilitychange", stayAwake);
  stayAwake();

  setInterval(pulse, PULSE_MS);
  setInterval(listen, 1000);
  pulse();
})();
