'use strict';
// C11: the accepted side ends with data, and the other never reads
const { end, note, pair, settle, until } = require('../trace.js');

pair({ c: {} }, (s, c) => {
  s.end('data');
  until(() => c.readableLength === 4 && s.writableFinished, () => settle(() => {
    note('S', '.readyState', s.readyState);
    note('C', '.readyState', c.readyState);
    note('C', '.readableLength', c.readableLength);
    end();
  }));
});
