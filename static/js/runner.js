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

  const offline = document.getElementById("offline");
  if (offline) {
    const show = () => { offline.hidden = navigator.onLine; };
    addEventListener("online", show);
    addEventListener("offline", show);
    show();
  }
})();
