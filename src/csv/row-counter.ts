/** A row number kept as its decimal digits: counting up and writing cost far less than formatting each number. */
export class RowCounter {
  value: number;
  /** ASCII digits of the value: digits[first] .. digits[digits.length - 1]. */
  readonly digits = new Uint8Array(17).fill(48);
  first: number;

  constructor(value: number) {
    const text = String(value);
    this.value = value;
    this.first = this.digits.length - text.length;
    this.digits.set(Buffer.from(text, 'latin1'), this.first);
  }

  get width(): number {
    return this.digits.length - this.first;
  }

  increment(): void {
    const { digits } = this;
    this.value++;
    let k = digits.length - 1;
    while (digits[k] === 57) digits[k--] = 48;
    digits[k]++;
    if (k < this.first) this.first = k;
  }

  /** Writes the digits; returns the index behind them. */
  write(out: Uint8Array, at: number): number {
    const { digits } = this;
    let end = at;
    for (let k = this.first; k < digits.length; k++) out[end++] = digits[k];
    return end;
  }
}
