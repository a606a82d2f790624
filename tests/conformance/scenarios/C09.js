'use strict';
// C09: data and FIN to a paused side that resumes later
const { note, pair, settle, until } = require('../trace.js');

pair({}, (s, c) => {
  s.pause();
  c.end('bye');
  until(() => s.readableLength === 3, () => settle(() => {
    note('S', '.readableLength', s.readableLength);
    note('S', '.readyState', s.readyState);
    s.resume();
  }));
});
