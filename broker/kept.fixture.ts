// A broker as a process of its own, for a test to kill: node broker/kept.fixture.ts <folder>
import { brokerSchema } from "./config.ts";
import { startBroker } from "./server.ts";

const [, , dir = ""] = process.argv;
const broker = await startBroker(brokerSchema.parse({ BROKER_PORT: 0, BROKER_WS_PORT: 0 }), {
  dir,
  onMessage: () => Promise.resolve(),
  onError: (error) => process.stderr.write(`${String(error)}\n`),
});
process.stdout.write(`${broker.address.port}\n`);
