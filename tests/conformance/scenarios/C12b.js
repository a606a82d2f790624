'use strict';
// C12b: half-open is allowed in the end listener
const { note, pair, settle } = require('../trace.js');

pair({}, (s, c) => {
  s.on('end', () => {
    s.allowHalfOpen = true;
    settle(() => {
      note('S', '.readyState', s.readyState);
      s.end('late');
    });
  });
  c.end();
});
