// The carrier's phone: the camera reads codes, photos are made small before they are sent, a finger signs. Nothing here is needed.
(() => {
  "use strict";
  const PHOTO_BYTES = 60000, PHOTO_PX = 1024;

  // Codes: a button with data-scan="<id of the input>" opens the camera where the browser reads codes by itself; what was typed is sent.
  if ("BarcodeDetector" in window && navigator.mediaDevices) {
    for (const button of document.querySelectorAll("[data-scan]")) {
      const input = document.getElementById(button.dataset.scan);
      button.hidden = false;
      button.addEventListener("click", (event) => {
        if (button.type === "submit" && input.value) return; // typed: the form goes as it is
        event.preventDefault();
        scan(input);
      });
    }
  }

  async function scan(input) {
    const frame = document.getElementById("camera"), video = frame.querySelector("video");
    let camera;
    try {
      camera = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch {
      frame.querySelector("[data-no-camera]").hidden = false;
      frame.hidden = false;
      return input.focus();
    }
    frame.hidden = false;
    video.srcObject = camera;
    await video.play();
    const stop = () => { camera.getTracks().forEach((track) => track.stop()); frame.hidden = true; };
    frame.querySelector("[data-close]").onclick = stop;
    const reader = new BarcodeDetector({ formats: ["qr_code"] });
    while (!frame.hidden) {
      const found = await reader.detect(video).catch(() => []);
      if (found.length) {
        stop();
        input.value = found[0].rawValue;
        navigator.vibrate?.(60);
        return input.form.requestSubmit();
      }
      await new Promise((again) => setTimeout(again, 150));
    }
  }

  // Photos: no larger than the proof is kept, so that a slow line carries 60 KB and not 5 MB.
  for (const input of document.querySelectorAll("input[data-photo]")) {
    input.addEventListener("change", async () => {
      const file = input.files[0];
      if (!file || !window.createImageBitmap) return;
      try {
        const small = new DataTransfer();
        small.items.add(new File([await shrink(file)], "proof.jpg", { type: "image/jpeg" }));
        input.files = small.files;
        choose(input);
      } catch { /* not a picture: the server says so in words */ }
    });
  }

  async function shrink(file) {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    let scale = Math.min(1, PHOTO_PX / Math.max(picture.width, picture.height)), blob = null;
    for (let quality = 0.75; quality > 0.2; quality -= 0.1, scale *= 0.9) {
      const canvas = document.createElement("canvas");
      canvas.width = Math.round(picture.width * scale);
      canvas.height = Math.round(picture.height * scale);
      canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
      blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));
      if (blob.size <= PHOTO_BYTES) break;
    }
    return blob;
  }

  // A proof that was given is the proof that is meant.
  const choose = (field) => { const radio = document.getElementById(field.dataset.proof); if (radio) radio.checked = true; };

  for (const pad of document.querySelectorAll("canvas[data-signature]")) {
    const kept = document.getElementById(pad.dataset.signature), pen = pad.getContext("2d");
    let drawing = false;
    const at = (event) => {
      const box = pad.getBoundingClientRect();
      return [(event.clientX - box.left) * pad.width / box.width, (event.clientY - box.top) * pad.height / box.height];
    };
    const clear = () => { pen.fillStyle = "#fff"; pen.fillRect(0, 0, pad.width, pad.height); kept.value = ""; };
    pad.closest("[hidden]")?.removeAttribute("hidden");
    clear();
    pen.lineWidth = 3;
    pen.lineCap = "round";
    pen.strokeStyle = "#111";
    pad.addEventListener("pointerdown", (event) => { drawing = true; pad.setPointerCapture(event.pointerId); pen.beginPath(); pen.moveTo(...at(event)); });
    pad.addEventListener("pointermove", (event) => { if (drawing) { pen.lineTo(...at(event)); pen.stroke(); } });
    pad.addEventListener("pointerup", () => { drawing = false; kept.value = pad.toDataURL("image/png"); choose(pad); });
    document.querySelector(`[data-clear="${pad.id}"]`)?.addEventListener("click", (event) => { event.preventDefault(); clear(); });
  }

  // A tray that is called back: the phone shakes once for each, whatever page of the run is open.
  const shaken = new Set();
  const look = () => {
    for (const one of document.querySelectorAll(".recall--whole[data-recall]")) {
      if (shaken.has(one.dataset.recall)) continue;
      shaken.add(one.dataset.recall);
      navigator.vibrate?.([400, 150, 400, 150, 800]);
      one.querySelector("button")?.focus({ preventScroll: true });
    }
    const red = document.querySelector(".recall--whole") !== null;
    for (const button of document.querySelectorAll("button[form=give], button[form=check]")) button.disabled = red;
  };

  // How old the page's own verdict is, by a clock that nobody sets.
  let seen = "", since = 0;
  const freshness = () => {
    const fresh = document.getElementById("fresh");
    if (!fresh) return;
    if (fresh.dataset.judged !== seen) { seen = fresh.dataset.judged; since = performance.now(); }
    const old = ageOfPage() > FRESH_MS;
    fresh.querySelector("[data-new]")?.toggleAttribute("hidden", old);
    fresh.querySelector("[data-old]")?.toggleAttribute("hidden", !old);
  };
  const ageOfPage = () => performance.now() - since;

  // The outbox: what was tapped without a network, as ids and acts only, sent when it is back and judged by the server then.
  const box = document.getElementById("outbox"), KEY = "dusangire.outbox", LASTS_MS = 15 * 60000, FRESH_MS = 60000, WAIT_MS = 6000;
  const kept = () => { try { return JSON.parse(localStorage.getItem(KEY)) || []; } catch { return []; } };
  const keep = (all) => { localStorage.setItem(KEY, JSON.stringify(all)); show(); };
  const say = (id, count) => {
    const line = document.getElementById(id);
    if (!line) return;
    const words = count ? line.dataset.words.replace("%", count) : "";
    if (line.textContent !== words) line.textContent = words;
    line.hidden = !count;
  };
  let refused = 0, isSending = false;
  const show = () => {
    if (!box) return;
    document.getElementById("offline").hidden = navigator.onLine;
    say("waiting", kept().length);
    say("unsent", refused);
    for (const one of kept()) {
      const stop = document.getElementById(`stop-${one.order}`);
      stop?.querySelectorAll("button").forEach((button) => { button.disabled = true; });
    }
  };
  const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

  // Sent: "done"; refused by the server, which is final: "no"; no answer yet: "wait".
  async function post(one) {
    const form = document.querySelector("input[name=_token]");
    const body = new URLSearchParams({
      _token: form?.value ?? "", key: one.key, order: one.order, tap: one.tap,
      age_s: Math.max(0, Math.round((Date.now() - one.at) / 1000)), ...(one.reason ? { reason: one.reason } : {}),
    });
    try {
      const answer = await fetch("/delivery/outbox", { method: "POST", body, signal: AbortSignal.timeout(WAIT_MS), redirect: "follow" });
      if (new URL(answer.url).pathname.startsWith("/sign-in") || answer.status >= 500 || answer.status === 401 || answer.status === 429) return "wait";
      return answer.ok ? "done" : "no";
    } catch { return "wait"; }
  }

  async function flush() {
    if (isSending || !kept().length) return;
    isSending = true;
    let done = 0;
    try {
      for (const one of kept()) {
        const said = Date.now() - one.at > LASTS_MS ? "no" : await post(one);
        if (said === "wait") break;
        if (said === "no") refused += 1; else done += 1;
        keep(kept().filter((other) => other.key !== one.key));
      }
    } finally { isSending = false; }
    if (done && !kept().length && !refused && location.pathname === "/delivery/") location.reload();
  }

  // A form with data-queue is sent as an act with a key of its own; without a network it waits, if its page may say so.
  document.addEventListener("submit", async (event) => {
    const form = event.target, tap = form.dataset.queue;
    if (!tap || !box) return;
    const isPlain = tap !== "hand-over" || new FormData(form).get("proof") === "confirmed";
    if (!isPlain && navigator.onLine) return;
    event.preventDefault();
    const button = event.submitter ?? form.querySelector("button");
    const one = { key: newKey(), order: form.getAttribute("action").split("/")[2], tap, at: Date.now(), ...(tap === "fail" ? { reason: button?.value } : {}) };
    if (button) button.disabled = true;
    const said = navigator.onLine ? await post(one) : "wait";
    if (said === "done") return location.assign("/delivery/");
    if (said === "no") { // the server's own page says why
      if (one.reason) form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "reason", value: one.reason }));
      return form.submit();
    }
    if (tap === "hand-over" && (!isPlain || ageOfPage() > FRESH_MS || document.getElementById("fresh")?.dataset.may !== "1")) {
      if (button) button.disabled = false;
      return say("too-old", 1);
    }
    keep([...kept(), one]);
    if (tap === "recall-seen") form.closest(".recall")?.classList.remove("recall--whole");
  });

  new MutationObserver(() => { look(); freshness(); show(); }).observe(document.getElementById("main") ?? document.body, { childList: true, subtree: true });
  addEventListener("online", () => { show(); flush(); });
  addEventListener("offline", show);
  setInterval(() => { freshness(); flush(); }, 5000);
  look();
  freshness();
  show();
  flush();
})();
