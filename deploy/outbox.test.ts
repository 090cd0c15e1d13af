import { expect, test } from "vitest";
import { createOutbox, type Notice } from "./outbox.ts";

const notice = (topic: string, payload: string): Notice => ({ topic, payload, retain: true });

test("before the broker is up only the newest notice of a topic is kept, then everything passes straight on", () => {
  const outbox = createOutbox();
  const sent: Notice[] = [];
  outbox.publish(notice("dc/a/account/1m", "1"));
  outbox.publish(notice("dc/a/account/1m", "2"));
  outbox.publish(notice("dc/b/account/1m", "3"));
  outbox.open((message) => sent.push(message));
  outbox.publish(notice("dc/a/account/1m", "4"));
  expect(sent.map(({ payload }) => payload)).toEqual(["2", "3", "4"]);
});
