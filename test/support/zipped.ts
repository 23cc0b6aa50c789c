import { crc32, deflateRawSync } from 'node:zlib';

/** A file or, with a name that ends in a slash, a folder of an archive. */
export interface Zipped {
  name: string;
  content?: string | Buffer;
  method?: 0 | 8;
  /** As a program writes it that does not know the sizes before: they are in a descriptor after the file. */
  streamed?: 'signed' | 'bare' | 'zip64';
  /** The sizes are in an extra field, of eight bytes. */
  zip64?: boolean;
}

/** An archive of one file, deflated or stored, as `zip` writes it. */
export function zipped(name: string, content: string, method: 0 | 8 = 8): Buffer {
  return archive([{ name, content, method }]);
}

/** An archive of files and folders, in their order. */
export function archive(files: Zipped[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const file of files) {
    const { local, central } = entryOf(file, offset);
    locals.push(local);
    directory.push(central);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const counts = numbers(
    [2, 0],
    [2, 0],
    [2, files.length],
    [2, files.length],
    [4, central.length],
    [4, offset],
    [2, 0],
  );
  return Buffer.concat([...locals, central, Buffer.from('PK\x05\x06'), counts]);
}

function entryOf({ name, content = '', method = 8, streamed, zip64 }: Zipped, offset: number) {
  const isFolder = name.endsWith('/');
  const packed = isFolder || method === 0 ? Buffer.from(content) : deflateRawSync(content);
  const sum = crc32(content);
  const sizes = [packed.length, Buffer.byteLength(content)] as const;
  const version = numbers([2, 20], [2, streamed ? 8 : 0], [2, isFolder ? 0 : method], [4, 0]);
  const known = numbers([4, sum], [4, sizes[0]], [4, sizes[1]], [2, name.length]);
  const wide = zip64 ? numbers([2, 1], [2, 16], [8, sizes[1]], [8, sizes[0]]) : Buffer.alloc(0);
  const elsewhere = numbers([4, sum], [4, 0xffffffff], [4, 0xffffffff], [2, name.length]);
  const unknown = numbers([4, 0], [4, 0], [4, 0], [2, name.length]);
  const shown = streamed ? unknown : zip64 ? elsewhere : known;
  const width = streamed === 'zip64' ? 8 : 4;
  const descriptor = numbers([4, sum], [width, sizes[0]], [width, sizes[1]]);
  const signature = streamed === 'bare' ? '' : 'PK\x07\x08';
  const after = streamed ? [Buffer.from(signature), descriptor] : [];
  const local = [Buffer.from('PK\x03\x04'), version, shown, numbers([2, wide.length]), Buffer.from(name), wide];
  const rest = [numbers([2, 0]), Buffer.alloc(10), numbers([4, offset]), Buffer.from(name)];
  return {
    local: Buffer.concat([...local, packed, ...after]),
    central: Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), version, known, ...rest]),
  };
}

/** Numbers in little endian, each as [bytes, value]. */
function numbers(...values: [2 | 4 | 8, number][]): Buffer {
  return Buffer.concat(
    values.map(([width, value]) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(BigInt(value));
      return bytes.subarray(0, width);
    }),
  );
}
