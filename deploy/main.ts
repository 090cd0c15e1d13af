import { keepCompiled } from "./compile-cache.ts";
import { boundHeaps, boundThreads } from "./heaps.ts";

// What is loaded before has to be stripped of its types at each start: nothing else is.
keepCompiled();
boundHeaps();
boundThreads();
const { start } = await import("./start.ts");
await start();
