import { expect, test } from "vitest";
import { alertOf } from "./alert.fixture.ts";
import type { Channel, Message } from "./channel.ts";

export const messageOf = (change: Partial<Message> = {}): Message => ({
  key: "k-1",
  occasion: "raised",
  severity: "MAJOR",
  title: "[重要] hall/feed-a: 馈线过载 (R21)",
  text: "hall/feed-a：馈线过载",
  url: "https://wattlas.example.org/alerts?alert=a1",
  alerts: [alertOf()],
  at: 1000,
  ...change,
});

/** The other end of a channel, as a real server on this machine. */
export interface Receiver extends AsyncDisposable {
  readonly channel: Channel;
  /** What has arrived, each message as text with its words in it. */
  readonly heard: () => readonly string[];
  /** Refuses from now on: for now, or for good; null takes everything again. */
  readonly refuse: (how: "later" | "never" | null) => void;
  /** Goes away. */
  readonly end: () => Promise<void>;
}

const signal = new AbortController().signal;

/** What every channel promises, over a real connection. */
export const channelSuite = (open: () => Promise<Receiver>): void => {
  test("a message arrives with its words, and is receipted", async () => {
    await using receiver = await open();
    const sent = await receiver.channel.send(messageOf(), signal);
    expect(sent).toMatchObject({ ok: true });
    expect(receiver.heard().join()).toContain("馈线过载");
  });

  test("a receiver that is busy is tried again later", async () => {
    await using receiver = await open();
    receiver.refuse("later");
    expect(await receiver.channel.send(messageOf(), signal)).toMatchObject({ ok: false, again: "later" });
    receiver.refuse(null);
    expect(await receiver.channel.send(messageOf(), signal)).toMatchObject({ ok: true });
  });

  test("a receiver that says no for good is not tried again, and its reason is kept", async () => {
    await using receiver = await open();
    receiver.refuse("never");
    const sent = await receiver.channel.send(messageOf(), signal);
    expect(sent).toMatchObject({ ok: false, again: "never" });
    expect(sent.ok ? "" : sent.reason).not.toBe("");
  });

  test("a receiver that is gone is a failure, not an exception", async () => {
    await using receiver = await open();
    await receiver.end();
    expect(await receiver.channel.send(messageOf(), signal)).toMatchObject({ ok: false, again: "later" });
  });

  test("a stop ends the attempt", async () => {
    await using receiver = await open();
    expect((await receiver.channel.send(messageOf(), AbortSignal.abort())).ok).toBe(false);
  });
};
