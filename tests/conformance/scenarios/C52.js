'use strict';
// C52: text whose characters are cut
const { pair, until } = require('../trace.js');

pair({ c: { text: true } }, (s, c) => {
  c.setEncoding('utf8');
  const parts = ['61e2', '82', 'ac62', 'e282'].map((hex) => Buffer.from(hex, 'hex'));
  const next = () => {
    const part = parts.shift();
    if (parts.length === 0) return s.end(part);
    const total = c.bytesRead + part.length;
    s.write(part);
    until(() => c.bytesRead === total, next);
  };
  next();
});
