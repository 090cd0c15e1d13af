// The bare broker beside ours in the benchmark: aedes as it comes, nothing stored.
import { once } from "node:events";
import { createServer } from "node:net";
import { Aedes } from "aedes";

const broker = await Aedes.createBroker();
const server = createServer((socket) => void broker.handle(socket)).listen(0, "127.0.0.1", 4096);
await once(server, "listening");
const address = server.address();
process.stdout.write(`port ${typeof address === "object" && address !== null ? address.port : 0}\n`);
