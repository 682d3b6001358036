(() => {
    const faults = [];
    const page = document.documentElement;
    if (page.scrollWidth > innerWidth) faults.push(`${page.scrollWidth} wide in ${innerWidth}`);

    // WCAG 2.2, 1.4.3: 4.5 to 1 for text, 3 to 1 for large text.
    const parse = colour => colour.match(/[\d.]+/g).map(Number);
    const luminance = ([r, g, b]) => {
        const linear = part => part <= 10.31 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4;
        return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    };
    const behind = element => {
        for (let at = element; at; at = at.parentElement) {
            const colour = parse(getComputedStyle(at).backgroundColor);
            if (colour.length === 3 || colour[3] === 1) return colour;
        }
        return [255, 255, 255];
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement, text = texts.currentNode.data.trim();
        if (!text || !element.checkVisibility() || element.closest('.hidden, style, option')) continue;
        const style = getComputedStyle(element);
        const ink = parse(element.closest('svg') ? style.fill : style.color);
        const [dark, light] = [ink, behind(element)].map(luminance).sort((a, b) => a - b);
        const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
        const contrast = (light + 0.05) / (dark + 0.05);
        if (contrast < (large ? 3 : 4.5)) faults.push(`${contrast.toFixed(1)} to 1: ${text}`);
    }

    // WCAG 2.2, 2.5.8: 24 pixels, but for links within a text.
    for (const element of document.querySelectorAll('button, summary, label, input:not([type=hidden]), a')) {
        const box = (element.closest('label') ?? element).getBoundingClientRect();
        const isInText = element.tagName === 'A' || element.tagName === 'LABEL' && element.htmlFor;
        if (element.checkVisibility() && !isInText && (box.height < 24 || box.width < 24)) {
            faults.push(`${box.width} by ${box.height}: ${element.tagName} ${element.textContent.trim()}`);
        }
    }
    return faults;
})()
