// Test support: publishes numbered readings to a running product and reads them back over HTTP.
import type mqtt from "mqtt";
import type { Product } from "./product.ts";

interface ReadingItem {
  readonly ts: number;
  readonly quantities: Readonly<Record<string, number>>;
}

/** Every stored reading of one device, oldest first. */
export const readingsOf = async (product: Product, site: string, device: string): Promise<readonly ReadingItem[]> => {
  const items: ReadingItem[] = [];
  let cursor = "";
  do {
    const page = await fetch(
      `${product.url}/api/v1/readings?site=${site}&device=${device}&from=0&limit=1000${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    const body = (await page.json()) as { items: ReadingItem[]; next: string | null };
    items.push(...body.items);
    cursor = body.next ?? "";
  } while (cursor);
  return items;
};

/** Publishes numbered readings until stopped; the numbers that were acknowledged. */
export const publishNumbers = (client: mqtt.MqttClient, device: string, from: number) => {
  const acknowledged: number[] = [];
  let running = true;
  // The product is killed with messages on their way: the socket may end with a reset.
  client.on("error", () => undefined);
  const done = (async () => {
    for (let number = from; running; number++) {
      const reading = JSON.stringify({ ts: 1_790_000_000_000 + number * 1000, power_w: number });
      try {
        await client.publishAsync(`dc/demo/${device}/telemetry`, reading, { qos: 1 });
      } catch {
        return;
      }
      acknowledged.push(number);
    }
  })();
  return {
    acknowledged,
    stop: async () => {
      running = false;
      client.end(true);
      await done;
    },
  };
};
