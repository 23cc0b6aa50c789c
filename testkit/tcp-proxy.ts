import net from 'node:net';

/**
 * Where a COMMIT is cut off: before it is passed on (rolled back for certain), right after it (the outcome is unknown),
 * or when its reply has come, which is then not passed on (committed for certain).
 */
export type CutSide = 'before COMMIT' | 'after COMMIT' | 'before the reply';

/** Cuts the connection at the nth COMMIT of a transaction whose SQL matches. */
export interface CommitCut {
  transaction: RegExp;
  side: CutSide;
  nth: number;
}

interface Link {
  client: net.Socket;
  server: net.Socket;
  /** The beginning of what the client has sent since the last BEGIN. */
  said: string;
  /** Whether the COMMIT was passed on and its reply must be dropped. */
  isDoomed: boolean;
}

/** The simple query `COMMIT` of PostgreSQL's protocol, as node-postgres sends it: in a packet of its own. */
const COMMIT = Buffer.from('Q\0\0\0\x0bCOMMIT\0');
/** Of one that begins with `BEGIN`; other statements may follow in the same query. */
const BEGIN = /Q[\s\S]{4}BEGIN[;\0]/;
const SAID_LENGTH = 16_384;

/** A TCP proxy to a port of this machine that forwards everything until a caller has it delay, cut or refuse. */
export class TcpProxy {
  /** How long every packet of either direction waits. */
  delayMs = 0;
  isRefusing = false;
  readonly #links = new Set<Link>();
  #cut: { rule: CommitCut; hits: number; done: () => void } | undefined;

  private constructor(
    readonly server: net.Server,
    readonly target: number,
  ) {}

  static async open(target: number): Promise<TcpProxy> {
    const server = net.createServer();
    const proxy = new TcpProxy(server, target);
    server.on('connection', (client) => proxy.#accept(client));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port;
  }

  /** Breaks every connection, in the middle of any transfer. */
  cut(): void {
    for (const link of [...this.#links]) this.#break(link);
  }

  /** Resolves when the COMMIT has come and was cut off. */
  cutAtCommit(rule: CommitCut): Promise<void> {
    return new Promise((done) => {
      this.#cut = { rule, hits: 0, done };
    });
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  #accept(client: net.Socket): void {
    if (this.isRefusing) {
      client.destroy();
      return;
    }
    const link: Link = { client, server: net.connect(this.target, '127.0.0.1'), said: '', isDoomed: false };
    this.#links.add(link);
    for (const socket of [client, link.server]) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => this.#break(link));
    }
    client.on('data', (chunk) => this.#fromClient(link, chunk));
    link.server.on('data', (chunk) => {
      if (link.isDoomed) this.#break(link);
      else this.#pass(link.server, client, chunk);
    });
  }

  #fromClient(link: Link, chunk: Buffer): void {
    const isBegin = chunk.includes('BEGIN') && BEGIN.test(chunk.toString('latin1'));
    if (isBegin) link.said = '';
    if (link.said.length < SAID_LENGTH) link.said += chunk.toString('latin1');
    const side = chunk.includes(COMMIT) ? this.#sideOfCut(link) : undefined;
    if (side === 'before COMMIT') this.#break(link);
    else this.#pass(link.client, link.server, chunk);
    if (side === 'after COMMIT') link.server.write('', () => this.#break(link));
    link.isDoomed = side === 'before the reply';
  }

  #sideOfCut(link: Link): CutSide | undefined {
    const cut = this.#cut;
    if (!cut?.rule.transaction.test(link.said) || ++cut.hits < cut.rule.nth) return undefined;
    this.#cut = undefined;
    cut.done();
    return cut.rule.side;
  }

  #pass(from: net.Socket, to: net.Socket, chunk: Buffer): void {
    const write = () => {
      if (to.destroyed || to.write(chunk)) return;
      from.pause();
      to.once('drain', () => from.resume());
    };
    // Timers of one length end in the order in which they began.
    if (this.delayMs > 0) setTimeout(write, this.delayMs);
    else write();
  }

  #break(link: Link): void {
    this.#links.delete(link);
    link.client.destroy();
    link.server.destroy();
  }
}
