import { expect, test } from 'vitest';
import { findQuoting } from '../../src/csv/quoting.js';

test.each([
  ['nothing quoted', 'a,b\n1,2\n', false, 'needed'],
  ['what must be', 'a,"b,c"\n1,"2,5"\n1,"3,5"\n', false, 'needed'],
  ['empty strings', 'a,b\n1,""\n2,""\n', false, 'needed'],
  ['everything', '"a","b"\n"1","2"\n"3",""\n', true, 'all'],
  ['everything but NULL', '"a","b"\n"1",\n,"x"\n', true, 'all'],
  ['texts', '"a","b"\n1,"x"\n2,"y"\n', true, [2]],
  ['texts, the header bare', 'a,b\n1,"x"\n2,"y"\n', false, [2]],
  ['one value', 'a,b\n1,"x"\n2,y\n', false, 'needed'],
  ['a column of NULLs next to a quoted one', 'a,b\n"1",\n"2",\n', false, 'all'],
  ['only a header', '"a","b"\n', true, 'needed'],
])('%s', (_, text, quoted_header, quoted) => {
  expect(findQuoting(Buffer.from(text), { delimiter: ',', newline: '\n' })).toEqual({ quoted_header, quoted });
});
