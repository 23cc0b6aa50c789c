import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Decoder } from '../../src/dialect/decoder.js';
import { detectEncoding, encodingAsGiven } from '../../src/dialect/detect-encoding.js';
import { decodeWindows1252, encodingOf } from '../../src/dialect/encodings.js';

function utf16be(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}

function decoded(bytes: Buffer, encoding: string, size: number): string {
  const decoder = new Decoder(encoding);
  let text = '';
  for (let at = 0; at < bytes.length; at += size) text += decoder.write(bytes.subarray(at, at + size));
  return text + decoder.end();
}

/** Encodes by turning the decoder around: Node writes none of these encodings. */
function encoded(text: string, encoding: string): Buffer {
  const codes = new Map<string, number[]>();
  const decode = (bytes: number[]) => {
    try {
      return encoding === 'windows-1252'
        ? decodeWindows1252(Buffer.from(bytes))
        : new TextDecoder(encoding, { fatal: true }).decode(Uint8Array.from(bytes));
    } catch {
      return '';
    }
  };
  for (let a = 0; a < 256; a++) {
    codes.set(decode([a]), [a]);
    if (a >= 0x80)
      for (let b = 0x40; b < 256; b++) if ([...decode([a, b])].length === 1) codes.set(decode([a, b]), [a, b]);
  }
  return Buffer.from([...text].flatMap((c) => codes.get(c) ?? []));
}

const TEXTS: [string, string][] = [
  [
    'windows-1252',
    'Straße;Betrag;Währung\nMüllerstraße;1.234,50;€\nÖsterreichweg;2,10;£\nGrünallee „links“;3,00;€\n'.repeat(3),
  ],
  [
    'windows-1250',
    'Město;Okres\nŽďár nad Sázavou;Žďár\nČeské Budějovice;Budějovice\nŘíčany;Praha-východ\nPříbram;Příbram\n'.repeat(5),
  ],
  [
    'windows-1251',
    'Город;Область\nМосква;Московская область\nТверь;Тверская область\nКазань;Республика Татарстан\n'.repeat(4),
  ],
  [
    'koi8-r',
    'Город;Область\nМосква;Московская область\nТверь;Тверская область\nКазань;Республика Татарстан\n'.repeat(4),
  ],
  [
    'shift_jis',
    '都市,備考\n東京,これは日本語のテキストです。\n大阪,とても大きな町です。\n京都,古い町です。\n'.repeat(4),
  ],
  ['gb18030', '城市,备注\n北京,这是一个中文文本文件。\n上海,这里有很多人。\n广州,天气很好。\n'.repeat(4)],
  ['big5', '城市,備註\n台北,這是一個中文的文字檔案。\n高雄,這裡有很多人。\n台中,天氣很好。\n'.repeat(4)],
  ['euc-kr', '도시,비고\n서울,이것은 한국어 텍스트 파일입니다.\n부산,바다가 아름다운 도시입니다.\n'.repeat(4)],
];

describe('the encoding', () => {
  it.each(TEXTS)('%s is found, and read as it was written', (encoding, text) => {
    const bytes = encoded(text, encoding);
    expect(detectEncoding(bytes, true)?.encoding).toBe(encoding);
    for (const size of [1, 2, 3, 7, 4096]) expect(decoded(bytes, encoding, size)).toBe(text);
  });

  it.each([
    ['koi8-r', 'Имя;Город\nИван;Москва\nПётр;Санкт-Петербург\nМария;Новосибирск\n'],
    ['windows-1251', 'Номер,Фамилия,Улица\n1,Иванов,Ленина\n2,Петрова,Садовая\n'],
    ['gb18030', '产品,价格\n苹果,3\n香蕉,4\n'],
    ['big5', '產品,價格\n蘋果,3\n香蕉,4\n'],
    ['euc-kr', '제품,가격\n사과,3\n바나나,4\n'],
    ['shift_jis', '番号,名前\n1,山田太郎\n2,鈴木花子\n'],
    ['windows-1250', 'imię,miasto\nŁukasz,Łódź\nŻaneta,Gdańsk\nMichał,Wrocław\n'],
    ['windows-1252', 'id,nom\n1,Élodie\n2,François\n3,Noël\n'],
    ['windows-1252', 'Name;Stadt\nMüller;Köln\nGroß;Düsseldorf\n'],
  ])('%s is found in a few words, with a warning where it is a guess', (encoding, text) => {
    const verdict = detectEncoding(encoded(text, encoding), true)!;
    expect(verdict.encoding).toBe(encoding);
    expect(verdict.warnings.length).toBe(verdict.confidence < 80 ? 1 : 0);
  });

  it.each([
    ['utf-16le', Buffer.from('\ufeffid,Wert\n1,Öl\n', 'utf16le'), true],
    ['utf-16be', utf16be('\ufeffid,Wert\n1,Öl\n'), true],
    ['utf-16le', Buffer.from('id,город\n1,Москва\n2,Тверь\n', 'utf16le'), false],
    ['utf-16be', utf16be('id,город\n1,Москва\n2,Тверь\n'), false],
    ['utf-8', Buffer.from('\ufeffid\n1\n'), true],
    ['utf-8', Buffer.from('id,name\n1,Zoë\n'), false],
    ['utf-8', Buffer.from('id,name\n1,Ann\n'), false],
  ])('%s is found by its bytes', (encoding, bytes, bom) => {
    expect(detectEncoding(bytes, true)).toMatchObject({ encoding, bom, warnings: [] });
  });

  it.each([
    ['utf-16', utf16be('\ufeffid,n\n1,2\n'), 'utf-16be', true],
    ['UTF-16', Buffer.from('\ufeffid,n\n1,2\n', 'utf16le'), 'utf-16le', true],
    ['ucs-2', utf16be('id,n\n1,2\n'), 'utf-16be', false],
    ['utf-16', Buffer.from('id,n\n1,2\n', 'utf16le'), 'utf-16le', false],
    ['utf-16be', utf16be('id,n\n1,2\n'), 'utf-16be', false],
    ['windows-1252', Buffer.from('\xef\xbb\xbfid,n\n1,K\xf6ln\n', 'latin1'), 'windows-1252', false],
    ['utf-8', Buffer.from('\xef\xbb\xbfid,n\n1,K\xf6ln\n', 'latin1'), 'utf-8', true],
  ])('given as %s is that, in the order of the bytes', (label, bytes, encoding, bom) => {
    expect(encodingAsGiven(bytes, true, label)).toEqual({ encoding, bom, warnings: [] });
  });

  it.each([
    ['utf-16le', utf16be('\ufeffid,n\n1,2\n'), 'utf-16be'],
    ['utf-16be', Buffer.from('\ufeffid,n\n1,2\n', 'utf16le'), 'utf-16le'],
    ['utf-8', Buffer.from('\ufeffid,n\n1,2\n', 'utf16le'), 'utf-16le'],
    ['windows-1252', Buffer.from('\ufeffid,n\n1,Köln\n'), 'utf-8'],
    ['utf-16', Buffer.from('\ufeffid,n\n1,Köln\n'), 'utf-8'],
  ])('given as %s is not believed against a byte order mark', (label, bytes, encoding) => {
    expect(encodingAsGiven(bytes, true, label)).toMatchObject({ encoding, bom: true });
    expect(encodingAsGiven(bytes, true, label).warnings.join()).toContain(`byte order mark of ${encoding}`);
  });

  it('of a cut head is UTF-8 though its last character is not whole', () => {
    const head = Buffer.from('id,name\n1,€').subarray(0, -1);
    expect(detectEncoding(head, false)?.encoding).toBe('utf-8');
  });

  it('of a short Western file is windows-1252 with a warning', () => {
    const verdict = detectEncoding(Buffer.from('id;Ort\n1;K\xf6ln\n', 'latin1'), true);
    expect(verdict?.encoding).toBe('windows-1252');
    expect(verdict?.warnings.join()).toMatch(/guess/);
  });

  it('of UTF-8 with a broken byte stays UTF-8', () => {
    const bytes = Buffer.concat([Buffer.from('Straße,Öl,Zoë,ähnlich,überall\n'.repeat(20)), Buffer.of(0xff, 10)]);
    expect(detectEncoding(bytes, true)?.encoding).toBe('utf-8');
  });

  it('goes by any of its labels', () => {
    expect(['latin1', 'CP1252', 'UTF8', 'sjis', 'utf-16'].map(encodingOf)).toEqual([
      ...['windows-1252', 'windows-1252', 'utf-8', 'shift_jis', 'utf-16le'],
    ]);
    expect(encodingOf('klingon')).toBeUndefined();
  });
});

describe('the decoder', () => {
  it('reads 0x80 to 0x9F of windows-1252 as the Encoding Standard does', () => {
    expect(decoded(Buffer.from('80929394999c9f', 'hex'), 'latin1', 2)).toBe('€’“”™œŸ');
  });

  it.each([
    ['utf-8', Buffer.from('a,b\n1,x\n2,\xff\n', 'latin1'), 10],
    ['shift_jis', Buffer.from('a,b\n1,x\n2,\x81\x00\n', 'latin1'), 11],
  ])('names the line and the byte that is not valid %s', (encoding, bytes, offset) => {
    for (const size of [1, 3, 4096])
      expect(() => decoded(bytes, encoding, size)).toThrow(
        expect.objectContaining({
          message: expect.stringMatching(/Line \d.*is not valid/),
          extras: { byte_offset: offset },
        }),
      );
  });

  it('refuses half of a surrogate pair', () => {
    const bytes = Buffer.concat([Buffer.from('a\nb', 'utf16le'), Buffer.of(0, 0xd8, 0x41, 0)]);
    expect(() => decoded(bytes, 'utf-16le', 3)).toThrow(/not valid utf-16le/);
  });

  it('names the end of a file that cuts a character', () => {
    expect(() => decoded(Buffer.from('a\n\xe2\x82', 'latin1'), 'utf-8', 1)).toThrow(/not valid utf-8/);
  });

  it('gives the same text however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 60 }),
        fc.constantFrom('utf-8', 'utf-16le'),
        (text, encoding) => {
          const bytes = Buffer.from(text, encoding === 'utf-8' ? 'utf8' : 'utf16le');
          return [1, 2, 3, 7].every((size) => decoded(bytes, encoding, size) === text);
        },
      ),
    );
  });
});
