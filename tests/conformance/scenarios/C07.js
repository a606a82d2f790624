'use strict';
// C07: FIN without data: S has no listener for data, C has none but for close
const { log, note, pair } = require('../trace.js');

pair({ s: {}, c: null }, (s, c) => {
  c.on('close', (hadError) => {
    note('C', '.readableEnded', c.readableEnded);
    note('C', '.writableFinished', c.writableFinished);
    log('C', `close ${hadError}`);
  });
  c.end();
});
