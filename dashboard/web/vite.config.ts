import adapter from "@sveltejs/adapter-static";
import { sveltekit } from "@sveltejs/kit/vite";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [
    sveltekit({
      adapter: adapter({ pages: "build", fallback: "index.html", precompress: true }),
      compilerOptions: { runes: true },
      // A wall screen learns within five minutes that the server was upgraded, and reloads.
      version: { pollInterval: 300_000 },
      csp: {
        mode: "hash",
        directives: {
          "default-src": ["self"],
          "script-src": ["self"],
          // uPlot and measured layouts set element styles.
          "style-src": ["self", "unsafe-inline"],
          "img-src": ["self", "data:"],
          "connect-src": ["self"],
          "object-src": ["none"],
          "base-uri": ["self"],
        },
      },
    }),
  ],
  server: { port: 5173, proxy: { "/api": "http://127.0.0.1:8080" } },
  build: { target: "es2023" },
});
