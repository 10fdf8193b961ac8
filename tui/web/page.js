"use strict";

// What textual.js lacks: the address of the desk, a font that is there before the screen is measured, drawing without
// WebGL, and words on why a desk did not open. It is loaded before this file and has set window.onload.
(() => {
  const PlainSocket = window.WebSocket;

  window.WebSocket = class extends PlainSocket {
    constructor(...address) {
      super(...address);
      this.addEventListener("open", () => document.querySelector(".xterm-helper-textarea").focus());
      this.addEventListener("message", ({ data }) => {
        if (typeof data !== "string") return;
        const [kind, words] = JSON.parse(data);
        if (kind === "notice") document.querySelector("#notice").textContent = words;
      });
    }

    send(data) {
      // The keyboard's focus may come before the connection, or after it.
      if (this.readyState === PlainSocket.OPEN) super.send(data);
    }
  };

  // textual.js makes a renderer on WebGL and then replaces it with one on a canvas; but where there is no WebGL, the
  // first one fails and nothing is ever drawn. So it gets a context there whose functions do nothing.
  const getContext = HTMLCanvasElement.prototype.getContext;
  const idle = new Proxy({}, {
    get: (_, name) => (/^[A-Z0-9_]+$/.test(String(name)) ? 1 : () => (name === "getExtension" ? null : 4096)),
  });
  HTMLCanvasElement.prototype.getContext = function (kind, ...options) {
    return getContext.call(this, kind, ...options) ?? (kind === "webgl2" ? idle : null);
  };

  const openDesk = window.onload;
  window.onload = async (event) => {
    const terminal = document.querySelector("#terminal");
    terminal.dataset.sessionWebsocketUrl = `ws://${location.host}${location.pathname}ws`;
    document.querySelector("#again").addEventListener("click", () => location.reload());
    await Promise.allSettled(["", "bold ", "italic "].map((kind) => document.fonts.load(`${kind}16px "Roboto Mono"`)));
    openDesk(event);
  };
})();
