import { compileOnce, keepCompiled } from "./compile-cache.ts";
import { beginAnew, boundHeaps, boundThreads, canBeginAnew } from "./heaps.ts";

// What is loaded before has to be stripped of its types at each start: nothing else is.
keepCompiled();
boundHeaps();
if (canBeginAnew() && (await compileOnce())) beginAnew();
boundThreads();
const { start } = await import("./start.ts");
await start();
