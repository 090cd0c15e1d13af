import type { InboundMessage } from "#broker";
import { type Decoded, type Decoder, nothing, refuse } from "./decoder.ts";
import { createMappingDecoder, type Mapping } from "./mapping.ts";
import { native } from "./native.ts";
import { shellyGen1 } from "./shelly-gen1.ts";
import { shellyGen2 } from "./shelly-gen2.ts";

/** Every dialect there is; a mapping names its topics exactly, so it goes before the dialects that guess. */
export const createDialects = (mappings: readonly Mapping[]): ((message: InboundMessage, site: string) => Decoded) => {
  const decoders: readonly Decoder[] = [native, ...mappings.map(createMappingDecoder), shellyGen2, shellyGen1];
  return (message, site) => {
    const { topic, address, payload, received } = message;
    // an empty retained message clears the topic; it says nothing about the device
    if (message.retain && payload.byteLength === 0) return nothing;
    const levels = topic.split("/");
    const parts = { address, levels };
    const decoder = decoders.find((candidate) => candidate.matches(parts));
    if (decoder === undefined) {
      return refuse("COLLECTOR_TOPIC_UNKNOWN", `no dialect and no mapping reads the topic "${topic.slice(0, 200)}"`);
    }
    return decoder.decode({ topic, address, levels, payload, received, site: address?.site ?? site });
  };
};
