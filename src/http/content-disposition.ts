/**
 * `Content-Disposition` of a file to be saved (RFC 6266): an ASCII name for old clients, and the very name in UTF-8
 * (RFC 8187). Neither can end the header or name a folder.
 */
export function attachment(filename: string): string {
  const plain = filename.replace(/[^\x20-\x7e]|["\\/:%]/g, '_');
  return `attachment; filename="${plain}"; filename*=UTF-8''${extended(filename.replaceAll(/[/\\]/g, '_'))}`;
}

function extended(name: string): string {
  // encodeURIComponent leaves these, which RFC 8187's attr-char does not.
  return encodeURIComponent(name).replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
