import type { Log } from "#base/log.ts";
import { type Announcement, announcementsOf, announcersOf } from "#pipeline/announce/announcements.ts";
import type { AddressPool } from "#pipeline/model/address-pool.ts";
import type { View } from "#pipeline/model/model.ts";
import type { Problem } from "#pipeline/problem.ts";
import type { RawChange, SourceBatch } from "#pipeline/source.ts";
import { type Claims, createClaims } from "./claims.ts";
import { elect } from "./election.ts";
import { createHeld, type Held, type HeldAddress } from "./held.ts";
import { decodeHello, encodeHello } from "./hello.ts";
import { type Link, linksOf, reaches } from "./links.ts";
import type { NeighbourEvents, NeighbourProgram } from "./neighbour-program.ts";
import { createPeers, type Peers } from "./peers.ts";
import type { AnnounceTiming } from "./timing.ts";

export interface AnnouncerOptions {
  readonly nodeName: string;
  readonly view: View;
  readonly log: Log;
  readonly timing: AnnounceTiming;
  /** A clock that never goes back, in milliseconds. */
  now(): number;
  startProgram(events: NeighbourEvents): NeighbourProgram;
  /** Whether this node takes what is sent to it. */
  isReady(): boolean;
  /** Whether what this node knows of the cluster is up to date. */
  isConnected(): boolean;
  /** Addresses came to this node, or left it. */
  onMove(taken: readonly HeldAddress[], left: readonly HeldAddress[]): void;
}

/** Announces services' addresses when it is this node's turn. Time goes on with `tick` alone. */
export interface Announcer {
  /** The model changed. */
  note(batch: SourceBatch): void;
  /** The host's interfaces, as they are now. */
  setLinks(links: readonly Link[]): void;
  /** Does what follows from what changed. */
  refresh(): void;
  /** The same, says hello, and misses who has not. */
  tick(): void;
  held(): readonly HeldAddress[];
  problems(): readonly Problem[];
  close(): void;
}

/** A link that is listened to. */
interface Opened {
  readonly link: Link;
  /** Of the first hello that said that this node is ready. */
  readySince: number | undefined;
  mayTake: boolean;
}

const CLUSTER_NAMESPACE = "kube-system";
/** A program that ends at once is not started again and again. */
const RESTART_AFTER = 2000;

export function createAnnouncer(options: AnnouncerOptions): Announcer {
  return new NodeAnnouncer(options);
}

class NodeAnnouncer implements Announcer {
  readonly #options: AnnouncerOptions;
  readonly #peers: Peers;
  readonly #held: Held;
  readonly #claims: Claims;
  readonly #opened = new Map<string, Opened>();
  #announcements: ReadonlyMap<unknown, Announcement> = new Map();
  /** Those whose addresses they are. */
  #services: ReadonlySet<string> = new Set();
  /** One of them is announced where it has endpoints. */
  #followsEndpoints = false;
  #pools: readonly AddressPool[] = [];
  #links: readonly Link[] = [];
  #program: NeighbourProgram | undefined;
  #startAfter = Number.NEGATIVE_INFINITY;
  /** Something changed, and what follows from it has not been done. */
  #isStale = false;
  #unreadySince: number | undefined = Number.NEGATIVE_INFINITY;
  #isTwice = false;

  constructor(options: AnnouncerOptions) {
    const { timing } = options;
    this.#options = options;
    this.#peers = createPeers(timing.hold);
    this.#held = createHeld(timing.announce);
    this.#claims = createClaims(timing.defend);
  }

  note({ changes }: SourceBatch): void {
    this.#isStale ||= changes.some((change) => this.#concerns(change));
  }

  /** Of thousands of services and their endpoints few are announced. */
  #concerns({ kind, key }: RawChange): boolean {
    if (kind === "EndpointSlice") return this.#followsEndpoints;
    if (kind !== "Service") return kind === "AddressPool" || kind === "Node";
    return this.#services.has(key) || (this.#options.view.Service.get(key)?.loadBalancerIps.length ?? 0) > 0;
  }

  setLinks(links: readonly Link[]): void {
    this.#links = links;
    this.#isStale = true;
  }

  refresh(): void {
    const now = this.#options.now();
    if (this.#isStale && now >= this.#startAfter) {
      this.#isStale = false;
      this.#learn();
      this.#elect(now);
    }
    for (const { link, ip } of this.#held.takeDue(now)) this.#program?.order("announce", link, ip);
  }

  tick(): void {
    const now = this.#options.now();
    const isLess = this.#peers.expire(now);
    const isReadier = this.#greet(now);
    const stands = this.#claims.stand(now, this.#options.isConnected());
    if (isLess || isReadier || stands) this.#elect(now);
    this.refresh();
  }

  held(): readonly HeldAddress[] {
    return this.#held.all();
  }

  problems(): readonly Problem[] {
    return this.#claims.problems(this.#options.now());
  }

  /** Nobody is answered any more; the others take over when they miss this node. */
  close(): void {
    this.#program?.close();
    this.#lose();
  }

  #learn(): void {
    const { view, nodeName } = this.#options;
    const isOurs = (pool: AddressPool): boolean => [...announcersOf(pool, view.Node.values())].includes(nodeName);
    this.#pools = [...view.AddressPool.values()].filter(isOurs);
    this.#announcements = announcementsOf(view);
    this.#services = new Set([...this.#announcements.values()].map(({ service }) => service));
    const isLocal = (key: string): boolean => view.Service.get(key)?.externalTrafficPolicy === "Local";
    this.#followsEndpoints = [...this.#services].some(isLocal);
    this.#openLinks();
    if (this.#opened.size === 0 && this.#program !== undefined) this.close();
  }

  /** Those where an address of a pool could be announced, whether one is in use or not: so the nodes know each other before. */
  #openLinks(): void {
    const wanted = new Map(this.#links.filter((link) => this.#isWanted(link)).map((link) => [link.name, link]));
    for (const [name, { link }] of this.#opened) {
      const found = wanted.get(name);
      if (found?.index === link.index && found.mac === link.mac) continue;
      this.#program?.order("close", name);
      this.#opened.delete(name);
      this.#peers.forget(name);
    }
    for (const [name, link] of wanted) {
      if (this.#opened.has(name)) continue;
      this.#program ??= this.#options.startProgram(this.#events());
      this.#program.order("open", name);
      this.#opened.set(name, { link, readySince: undefined, mayTake: false });
    }
  }

  #isWanted(link: Link): boolean {
    const ofPool = this.#pools.some(({ interfaces, ranges }) =>
      interfaces.length > 0 ? interfaces.includes(link.name) : ranges.some((range) => reaches(link, range)),
    );
    // One that was given stays, though no pool has it any more.
    const isThere = ({ ip, interfaces, nodes }: Announcement): boolean =>
      nodes.has(this.#options.nodeName) && linksOf(ip, interfaces, [link]).length > 0;
    return ofPool || this.#announcements.values().some(isThere);
  }

  /** Says hello on every link; true when this node may take addresses on one since now, or may not any more. */
  #greet(now: number): boolean {
    const { nodeName, timing } = this.#options;
    const ready = this.#isReady(now);
    const hello = encodeHello({ cluster: this.#cluster(), node: nodeName, ready });
    let changed = false;
    for (const [name, opened] of this.#opened) {
      this.#program?.order("hello", name, hello);
      opened.readySince = ready ? (opened.readySince ?? now) : undefined;
      const mayTake = opened.readySince !== undefined && now - opened.readySince >= timing.listen;
      changed ||= mayTake !== opened.mayTake;
      opened.mayTake = mayTake;
    }
    return changed;
  }

  /** What a process was ready for does not end with the first moment in which it is not; before it was ready it is not. */
  #isReady(now: number): boolean {
    if (this.#options.isReady()) this.#unreadySince = undefined;
    else this.#unreadySince ??= now;
    return this.#unreadySince === undefined || now - this.#unreadySince < this.#options.timing.patience;
  }

  #cluster(): string {
    return this.#options.view.Namespace.get(CLUSTER_NAMESPACE)?.uid ?? "";
  }

  #elect(now: number): void {
    const { nodeName, onMove } = this.#options;
    const elected = elect({
      self: nodeName,
      announcements: this.#announcements.values(),
      links: this.#links.filter(({ name }) => this.#opened.get(name)?.mayTake),
      alive: this.#peers.alive,
      yieldsTo: this.#claims.yieldsTo,
    });
    const { taken, left } = this.#held.become(elected, now);
    for (const { link, ip } of left) if (this.#opened.has(link)) this.#program?.order("remove", link, ip);
    for (const { link, ip } of taken) this.#program?.order("add", link, ip);
    if (taken.length + left.length > 0) onMove(taken, left);
  }

  #events(): NeighbourEvents {
    const { log, now } = this.#options;
    return {
      onHello: (link, mac, hex) => this.#hear(link, mac, hex),
      onClaim: (link, mac, ip) => this.#contend(link, mac, ip),
      onFailure: (message) => log.warn("neighbours on a link are not served as they should be", { message }),
      onEnd: (reason) => {
        log.warn("who answers for services' addresses has ended, and is started again", { reason });
        this.#lose();
        this.#startAfter = now() + RESTART_AFTER;
        this.#isStale = true;
      },
    };
  }

  #hear(link: string, mac: string, hex: string): void {
    const { nodeName, now, log } = this.#options;
    const hello = decodeHello(hex);
    if (hello === undefined || hello.cluster !== this.#cluster() || !this.#opened.has(link) || this.#isOwn(mac)) return;
    if (hello.node === nodeName) {
      if (!this.#isTwice)
        log.error("there is another node of the same name on the link", { node: nodeName, link, mac });
      this.#isTwice = true;
      return;
    }
    const isOther = this.#peers.hear(link, hello.node, { mac, heardAt: now(), ready: hello.ready });
    if (!isOther) return;
    this.#elect(now());
    // While they were apart, somebody on the link may have heard the other in this node's place.
    if (hello.ready) this.#held.again(link, now());
  }

  #contend(link: string, mac: string, ip: string): void {
    const { now, isConnected, log } = this.#options;
    const service = this.#held.serviceOf(link, ip);
    if (service === undefined || this.#isOwn(mac)) return;
    const rival = this.#peers.withMac(link, mac);
    const verdict = this.#claims.judge({ link, mac, ip, service, rival, connected: isConnected(), now: now() });
    if (verdict === "ignore") return;
    log.warn("somebody else announces a service's address", { address: ip, service, link, mac, node: rival, verdict });
    if (verdict === "yield") this.#elect(now());
    else this.#held.again(link, now(), ip);
  }

  /** Two interfaces of a node may lead to one link. */
  #isOwn(mac: string): boolean {
    return this.#links.some((own) => own.mac === mac);
  }

  #lose(): void {
    const left = this.#held.all();
    this.#program = undefined;
    this.#held.clear();
    for (const name of this.#opened.keys()) this.#peers.forget(name);
    this.#opened.clear();
    if (left.length > 0) this.#options.onMove([], left);
  }
}
