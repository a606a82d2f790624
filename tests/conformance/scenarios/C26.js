'use strict';
// C26: data and a reset to a socket paused from the beginning, which resumes later
const { note, pair, settle } = require('../trace.js');

pair({ server: { pauseOnConnect: true } }, (s, c) => {
  c.write('abc');
  settle(() => {
    c.resetAndDestroy();
    settle(() => {
      note('S', '.bytesRead', s.bytesRead);
      s.resume();
    });
  });
});
