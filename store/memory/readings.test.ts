import { readingsSuite } from "../readings.suite.ts";
import { createMemoryReadings } from "./readings.ts";

readingsSuite("memory", async () => {
  const readings = createMemoryReadings();
  return { readings, dispose: async () => readings[Symbol.asyncDispose]() };
});
