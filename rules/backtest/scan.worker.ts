import { parentPort, workerData } from "node:worker_threads";
import { partFields } from "../node-parts.ts";
import { columnsOf, createScanner } from "./scan.ts";
import type { ScanAnswer, ScanRequest } from "./scan-thread.ts";

const ids = workerData as readonly string[];
const { cut } = createScanner(ids);
const size = partFields.length * ids.length;

const answerTo = ({ id, kept }: ScanRequest): ScanAnswer => {
  const data = new Float64Array(size * kept.length);
  try {
    const cuts = kept.map((one, index) =>
      cut(one, columnsOf(ids.length, data.subarray(index * size, (index + 1) * size))),
    );
    return { id, fault: null, data, rests: cuts.map(({ rest }) => rest), flags: cuts.map(({ flags }) => flags) };
  } catch (error) {
    return { id, fault: error instanceof Error ? error.message : String(error), data, rests: [], flags: [] };
  }
};

parentPort?.on("message", (request: ScanRequest) => {
  const answer = answerTo(request);
  parentPort?.postMessage(answer, [answer.data.buffer]);
});
